"""The names of a batch's runs, by the ids that the host gives them when they begin."""

from __future__ import annotations

from host.events import Event

__all__ = ["RunNames"]


class RunNames:
    """Called with a run's id, returns its name; or the id itself for one that has not begun."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, str]] = {}

    def __call__(self, run_id: str) -> str:
        return self._names.get(run_id, (run_id, ""))[0]

    def long(self, run_id: str) -> str:
        """The name, with what shows people what the run is about."""
        return " ".join(filter(None, self._names.get(run_id, (run_id, ""))))

    def forget(self, run_id: str) -> None:
        """Forget a run that has ended."""
        self._names.pop(run_id, None)

    def sink(self, name: str, about: str = "") -> _Naming:
        """A sink that gives one run this name."""
        return _Naming(self._names, name, about)


class _Naming:
    """Learns the run's id, which is in every event of it."""

    __slots__ = ("_known", "_name", "_names")

    def __init__(self, names: dict[str, tuple[str, str]], name: str, about: str) -> None:
        self._names = names
        self._name = name, about
        self._known = False

    def emit(self, event: Event) -> None:
        if not self._known:
            self._known = True
            self._names[event.run_id] = self._name
