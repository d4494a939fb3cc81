"""Decisions on calls in doubt: parsed from ``in_doubt``, checked against the run's log, and recorded in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from host.durable.history import History, Place, call_name
from host.durable.records import Decided, Record, encode
from host.errors import InvalidCall, UsageError
from host.lua.values import to_lua

__all__ = ["FOR_ALL", "InDoubt", "decisions"]

InDoubt = str | Mapping[str, Any]
"""``"ask"``, ``"repeat"`` or ``"skip"`` for all calls in doubt, or a mapping from a call's name to its decision:
``"skip"``, ``"repeat"``, ``"done"``, ``"done:JSON"`` or ``("done", answer)``."""

FOR_ALL: Final = ("ask", "repeat", "skip")
_WORDS: Final = "skip, repeat, done or done:JSON"


def decisions(log: Sequence[Record], in_doubt: InDoubt, is_api: Callable[[str], bool]) -> list[Record]:
    """The records of new decisions; the journal assigns their ``seq``.

    ``is_api(operation)`` returns whether an operation belongs to an API, whose answers are objects. Raises
    ``UsageError`` for a call that does not exist or has an answer, for an unknown word, and for a decision that
    cannot be changed because the run has sent changes since.
    """
    history = History(log)
    if isinstance(in_doubt, str):
        if in_doubt not in FOR_ALL:
            raise UsageError(f"in_doubt is {in_doubt!r}; expected 'ask', 'repeat', 'skip', or a mapping of calls")
        return [] if in_doubt == "ask" else _for_all(history, in_doubt)
    if not isinstance(in_doubt, Mapping):
        raise UsageError(f"in_doubt is a {type(in_doubt).__name__}; expected 'ask', 'repeat', 'skip', or a mapping")
    named = {call_name(*place): place for place in (*history.open, *history.answered, *history.late)}
    found = []
    for call, given in in_doubt.items():
        place = named.get(call)
        if place is None or not history.is_change(place):
            raise UsageError(f"there is no {call!r} that could be decided; {_there_are(history)}")
        wanted = _read(call, given)
        name = history.sent[place].name
        if wanted.word == "done" and is_api(name):
            _check_answer(call, name, wanted)
        found += _of_one(history, place, wanted)
    return found


def _for_all(history: History, word: str) -> list[Record]:
    """Withdraw earlier decisions that were made for all calls and differ from ``word``.

    Decisions on a call by its name stand, and so do those after which the run has sent further changes.
    """
    found = []
    for place in history.settled:
        standing = history.decided[place]
        if standing.all and standing.word != word and not history.built_on(place):
            decided = Decided(word, all=True, back_to=history.answered[place].seq)
            found.append(_record(history, place, decided))
    return found


def _of_one(history: History, place: Place, wanted: Decided) -> list[Record]:
    standing = history.decided.get(place)
    if standing is not None and (standing.word, standing.value) == (wanted.word, wanted.value):
        return []
    label = f"{history.sent[place].name} ({call_name(*place)})"
    if place not in history.answered and place not in history.late:
        return [_record(history, place, wanted)]
    if place not in history.settled:
        raise UsageError(f"{label} is not in doubt: its answer is recorded; {_there_are(history)}")
    if history.built_on(place):
        raise UsageError(
            f"{label} was decided ({history.decided[place].word}), and the run has sent further changes since; "
            "that cannot be taken back",
            hint="runs show lists them; correct what is wrong by hand, or with runs undo",
        )
    return [_record(history, place, msgspec.structs.replace(wanted, back_to=history.answered[place].seq))]


def _record(history: History, place: Place, decided: Decided) -> Record:
    sent = history.sent[place]
    return Record(sent.run, 0, "decided", *place, name=sent.name, line=sent.line, data=encode(decided))


def _there_are(history: History) -> str:
    places = [*history.open, *(place for place in history.settled if not history.built_on(place))]
    if not places:
        return "no call of this run is in doubt"
    return "there are: " + ", ".join(f"{history.sent[place].name} ({call_name(*place)})" for place in places)


def _read(call: str, given: Any) -> Decided:
    if isinstance(given, str):
        word, colon, text = given.partition(":")
        if word in ("skip", "repeat", "done") and (not colon or word == "done"):
            return Decided(word, _answer(call, _json(call, text)) if colon else None)
    elif isinstance(given, (tuple, list)) and len(given) == 2 and given[0] == "done":
        return Decided("done", _answer(call, given[1]))
    raise UsageError(f"{call}: {given!r} is not a decision; expected {_WORDS}")


def _answer(call: str, value: Any) -> bytes:
    try:
        return to_lua(value)
    except InvalidCall as error:
        raise UsageError(f"{call}: its answer: {error.message}") from None


def _json(call: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"{call}: the value after done: is not JSON: {error}",
            hint='a string needs double quotes, as in done:"prod_1"; the shell removes one pair, so put single '
            "quotes around the whole",
        ) from None


def _check_answer(call: str, name: str, wanted: Decided) -> None:
    value = None if wanted.value is None else msgspec.msgpack.decode(wanted.value)
    if not (isinstance(value, dict) or (isinstance(value, str) and value)):
        raise UsageError(
            f"{call}: {name} answers with an object that the script uses afterwards; say what it is",
            hint='done:{"id": "…"} with what the script reads of it, or the id alone: done:"…"',
        )
