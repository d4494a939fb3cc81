"""Reads the success responses of an operation: their statuses, media types and schemas."""

from __future__ import annotations

from typing import Any, NamedTuple

from host.apis import media_types
from host.apis.catalog import Answer, Schema
from host.apis.document import Document
from host.apis.keywords import UnreadKeywords
from host.apis.references import UnresolvedReference
from host.apis.schemas import SchemaCompiler
from host.errors import CatalogError

__all__ = ["SuccessReader", "Successes", "json_schema", "with_content"]

_EMPTY = ("204", "205")  # statuses without content: RFC 9110, 15.3.5 and 15.3.6


class Successes(NamedTuple):
    """An operation's success responses. ``result`` is the schema of the usual one, None if it has no content.

    The other fields are as in ``Operation``.
    """

    result: Schema | None
    accept: str
    answers: tuple[Answer, ...]
    may_be_empty: bool


class SuccessReader:
    """Reads the success responses of a document's operations."""

    def __init__(self, source: Document, schemas: SchemaCompiler, unread: UnreadKeywords) -> None:
        self._source = source
        self._schemas = schemas
        self._unread = unread

    def read(self, node: dict[str, Any], place: str) -> Successes:
        """All success responses of the operation ``node``; ``place`` names it in warnings.

        If one of them cannot be resolved, the result is marked as missing and a warning is issued.
        """
        try:
            answers = self._answers(node, place)
        except UnresolvedReference as error:
            self._source.warn(place, f"its answer is not known: {error.message}")
            return Successes(Schema(missing=error.message), "", (), False)
        result, accept = _usual(answers)
        empty = result is not None and any(not answer.content_types for answer in answers)
        usual = [answer for answer in answers if answer.content_types]
        plain = len(usual) <= 1 and all(_is_plain(kind) for answer in usual for kind in answer.content_types)
        return Successes(result, accept, () if plain else answers, empty)

    def _answers(self, node: dict[str, Any], place: str) -> tuple[Answer, ...]:
        responses = node.get("responses")
        responses = responses if isinstance(responses, dict) else {}
        codes = {str(code): raw for code, raw in responses.items()}
        good = sorted(code for code in codes if code.startswith("2")) or [code for code in codes if code == "default"]
        found = []
        for code in good:
            where = f"{place} response {code}"
            try:
                response = with_content(self._source, codes[code], where)
            except UnresolvedReference:
                raise
            except CatalogError as error:
                self._source.warn(place, f"an answer is skipped: {error.message}")
                continue
            self._unread.note("response", response, place)
            self._unread.note_body(response, place)
            content = response.get("content")
            kinds = content if isinstance(content, dict) and code not in _EMPTY else {}
            found.append(Answer(code, tuple(kinds), json_schema(self._schemas, kinds, where)))
        return tuple(found)


def with_content(source: Document, node: Any, place: str) -> dict[str, Any]:
    """A request body or response with its own reference and those of its media types resolved."""
    found = source.follow(node, place)
    content = found.get("content")
    if isinstance(content, dict) and any(isinstance(media, dict) and "$ref" in media for media in content.values()):
        return {**found, "content": {kind: source.follow(media, place) for kind, media in content.items()}}
    return found


def json_schema(schemas: SchemaCompiler, content: dict[str, Any], place: str) -> Schema | None:
    """The schema of the JSON media type of ``content``, or of one line of JSON lines; None if there is no JSON."""
    for test in (media_types.is_json, _is_any, media_types.is_lines):
        for kind, media in content.items():
            if test(kind):
                schema = media.get("schema") if isinstance(media, dict) else None
                return schemas.compile({} if schema is None else schema, place)
    return None


def _is_any(kind: str) -> bool:
    return media_types.plain(kind) in ("*/*", "application/*", "*")


def _is_plain(kind: str) -> bool:
    return media_types.plain(kind) == "application/json" or _is_any(kind)


def _usual(answers: tuple[Answer, ...]) -> tuple[Schema | None, str]:
    """The schema of the first response with content (None: there is none), and its media type unless plain JSON."""
    for answer in answers:
        kinds = answer.content_types
        json = [kind for kind in kinds if media_types.is_json(kind) and not media_types.is_range(kind)]
        if any(media_types.is_json(kind) or _is_any(kind) for kind in kinds):
            plain = not json or any(_is_plain(kind) and ";" not in kind for kind in json)
            return answer.schema, "" if plain else json[0]
        lines = [kind for kind in kinds if media_types.is_lines(kind)]
        if lines:
            return Schema(type="array", items=answer.schema), lines[0]
        if kinds:
            texts = [kind for kind in kinds if _is_text(kind)]
            return Schema(type="string", format="" if texts and texts[0] == kinds[0] else "binary"), ""
    return None, ""


def _is_text(kind: str) -> bool:
    return media_types.body_kind(kind) == "text"
