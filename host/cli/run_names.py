"""What the runs of a batch are called, by their ids, which the host gives them when they begin."""

from __future__ import annotations

from host.events import Event

__all__ = ["RunNames"]


class RunNames:
    """Called with a run's id, gives its name; the id itself for one that has not begun."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, str]] = {}

    def __call__(self, run_id: str) -> str:
        return self._names.get(run_id, (run_id, ""))[0]

    def long(self, run_id: str) -> str:
        """The name, with what shows people what the run is about."""
        return " ".join(filter(None, self._names.get(run_id, (run_id, ""))))

    def forget(self, run_id: str) -> None:
        """Nothing more comes of the run."""
        self._names.pop(run_id, None)

    def sink(self, name: str, about: str = "") -> _Naming:
        """A sink of one run, which is to be called so."""
        return _Naming(self._names, name, about)


class _Naming:
    """The id is in every event of the run."""

    __slots__ = ("_known", "_name", "_names")

    def __init__(self, names: dict[str, tuple[str, str]], name: str, about: str) -> None:
        self._names = names
        self._name = name, about
        self._known = False

    def emit(self, event: Event) -> None:
        if not self._known:
            self._known = True
            self._names[event.run_id] = self._name
