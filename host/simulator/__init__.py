"""A stateful local double of any API in a catalog.

``Simulator(catalog)`` answers requests in process (:mod:`host.simulator.simulator`); ``SimulatorApp`` is the
ASGI application over it, ``serve`` puts it on a port; ``Store`` keeps its state, ``Faults`` makes it fail.
Imported from their modules, so that whoever uses one does not load the others.
"""
