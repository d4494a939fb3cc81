"""A stateful local double of any API in a catalog.

``Simulator(catalog)`` answers requests in process (:mod:`host.simulator.simulator`). ``SimulatorApp`` is an ASGI
application around it, and ``serve`` listens on a port. ``Store`` keeps the simulator's state, and ``Faults`` makes some
of its requests fail. Import each from its own module, so that using one does not load the others.
"""
