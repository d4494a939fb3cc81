"""Names users see, made from an OpenAPI document. The rules are in docs/catalog.md.

Everything here is deterministic: the same document gives the same names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_ACTION = ":"  # begins a step that is one
_AT_ACTION = re.compile(r"(?<=.)(?=:)(?![^{]*\})")  # not in {id:int}
KEYWORDS = frozenset(
    """and break do else elseif end false for function goto if in local nil not or
    repeat return then true until while""".split()  # noqa: SIM905 read as words
)
VERSION = re.compile(r"(v?\d+(\.\d+)*|\d{4}-\d{2}(-\d{2})?)\Z", re.IGNORECASE)
_FORMAT = re.compile(r"\.(json|xml|csv|ya?ml|\{[^{}]*\})\Z", re.IGNORECASE)  # of the answer, at a path's end
_SIGNS = {
    "<=": "lte",
    ">=": "gte",
    "!=": "ne",
    "<>": "ne",
    "<": "lt",
    ">": "gt",
    "=": "eq",
    "!": "not",
    "~": "like",
    "+": "plus",
    "-": "minus",
    "*": "star",
    "%": "percent",
    "&": "and",
    "|": "or",
    "@": "at",
    "$": "dollar",
    "#": "number",
    "^": "caret",
    "?": "is",
    "/": "slash",
    ".": "dot",
    ":": "colon",
    "[]": "list",
}
_COMPARED = re.compile(r"(<=|>=|!=|<>|<|>)")
_SIGN = re.compile("|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True)) + r"|[^A-Za-z0-9_]")
_IRREGULAR = {
    "people": "person",
    "children": "child",
    "men": "man",
    "women": "woman",
    "indices": "index",
    "vertices": "vertex",
    "matrices": "matrix",
    "criteria": "criterion",
    "series": "series",
    "news": "news",
    "species": "species",
    "movies": "movie",
    "cookies": "cookie",
    "caches": "cache",
    "axes": "axis",
    "lens": "lens",
    "data": "data",
}
_CREATES = re.compile(r"(create|add|new|post|insert)(?![a-z])")


def identifier(text: str) -> str:
    """``text`` as a Lua name: other characters become ``_``, keywords get one at the end."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_") or "_"
    if name[0].isdigit():
        name = f"_{name}"
    return f"{name}_" if name in KEYWORDS else name


def parameter_name(text: str) -> str:
    """A parameter's name in Lua. Comparisons are part of what it means: ``DateSent<`` is ``DateSent_lt``."""
    return identifier(_COMPARED.sub(lambda found: f"_{_SIGNS[found.group()]}_", text))


def spelled(text: str) -> str:
    """:func:`parameter_name` where that is another's too: every sign becomes a word (``+1`` is ``plus_1``)."""

    def word(found: re.Match[str]) -> str:
        sign = found.group()
        return f"_{_SIGNS.get(sign) or ('' if sign.isspace() else f'u{ord(sign):x}')}_"

    return identifier(re.sub(r"__+", "_", _SIGN.sub(word, text)))


def singular(word: str) -> str:
    """The singular of the last word of ``tax_ids`` or ``taxIds``; words that have none stay."""
    last = re.search(r"[A-Z]?[a-z0-9]*\Z", word)
    cut = last.start() if last else 0
    return word[:cut] + _singular(word[cut:])


def _singular(word: str) -> str:
    lower = word.lower()
    if lower in _IRREGULAR:
        return _IRREGULAR[lower]
    if len(lower) < 3 or not lower.endswith("s") or lower.endswith(("ss", "us", "is")):
        return word
    if lower.endswith("ies") and len(lower) > 4:
        return f"{word[:-3]}y"
    if lower.endswith(("sses", "shes", "ches", "xes", "zzes", "tuses", "iases")):
        return word[:-2]
    return word[:-1]


class PathNames:
    """Names derived from the paths of one document (path -> its methods, lower case).

    ``lists`` says of each path with GET whether it answers with a list; unknown ones are left out.
    """

    def __init__(self, paths: Mapping[str, Collection[str]], lists: Mapping[str, bool]) -> None:
        self._paths = paths
        self._lists = lists
        bare = [_without_format(path) for path in paths]
        self._with_items = {path.rsplit("/{", 1)[0] for path in bare if path.endswith("}")}
        self._bare = set(bare)

    def segments(self, path: str) -> list[str]:
        """The path's segments less what all share: a leading ``api``, ``v1`` or common version."""
        parts = _split(path)
        while len(parts) > 1 and (parts[0] in ("api", "v1") or self._common_version(parts[0])):
            parts = parts[1:]
        if len(parts) > 2 and self._common_version(parts[1]):  # /pets/v2/…
            del parts[1]
        return parts

    def _common_version(self, part: str) -> bool:
        if not VERSION.match(part):
            return False
        return all(part in _split(path)[:2] for path in self._paths)

    def id(self, path: str, method: str) -> str:
        """``customers.tax_ids.create`` for POST /v1/customers/{customer}/tax_ids.

        The last word is list, retrieve, create, update, replace, delete, or the path's own where it is an
        action (``payment_intents.confirm``).
        """
        parts = self.segments(path)
        names = [identifier(part) for part in parts if not _is_param(part)] or ["root"]
        verb = self._verb(path, parts, method)
        query = re.sub(r"=true\b", "", path.partition("#")[0].partition("?")[2])  # /files?beta=true
        return ".".join((*names, verb) if verb else names) + (f"_{identifier(query)}" if query else "")

    def _verb(self, path: str, parts: list[str], method: str) -> str:
        methods = self._paths[path]
        if parts and parts[-1].startswith(_ACTION):
            return ""
        put = "replace" if "patch" in methods else "update"
        if not parts or _is_param(parts[-1]):
            verbs = {"get": "retrieve", "post": "update", "patch": "update", "put": put}
            return verbs.get(method, method)
        plural = singular(parts[-1]) != parts[-1]
        bare = _without_format(path)
        collection = bare in self._with_items or self._lists.get(path, plural)
        above = bare.rsplit("/", 1)[0]
        verb = not plural and bare not in self._with_items  # /customers/search
        if verb and above in self._bare and not above.endswith("}") and len(methods) == 1:
            return ""
        if method == "get":
            return "list" if collection else "retrieve"
        if method == "post":
            if collection:
                return "create"
            return "update" if "get" in methods else ""
        return put if method == "put" else {"patch": "update"}.get(method, method)

    def resource(self, path: str, id: str) -> str:
        """``customer_tax_id``: the path with its resources in the singular, an action left off."""
        parts = self.segments(path)
        if len(parts) > 1 and names_action(id, path):
            parts = parts[:-1]
        words = []
        for n, part in enumerate(parts):
            if _is_param(part):
                continue
            resource = n + 1 == len(parts) or _is_param(parts[n + 1])
            words.append(identifier(singular(part) if resource else part))
        return identifier("_".join(words) or "root")


def given_id(operation_id: object, path: str, method: str) -> str:
    """The document's own name for an operation as a dotted name, or "" where it has none worth keeping.

    Not kept: names a tool made from method and path (``PostCheckoutSessions``,
    ``read_item_items__item_id__get``); the path rule gives better ones.
    """
    if not isinstance(operation_id, str):
        return ""
    path = path.partition("?")[0]
    parts = [part for part in re.split(r"[./#:\s]+", operation_id) if re.search(r"[A-Za-z]", part)]
    if not parts:
        return ""
    short = re.sub(r"\A/(api/)?v1/", "/", path)
    if _flat(operation_id) in (f"{method}{_flat(path)}", f"{method}{_flat(short)}"):
        return ""
    fastapi = re.sub(r"\W", "_", path)  # its rule: function, path, method
    if operation_id.endswith((f"{fastapi}_{method}", f"{fastapi}__{method}")):  # with a / at the end, maybe
        return ""
    return ".".join(identifier(part) for part in parts)


def names_action(id: str, path: str) -> bool:
    """Whether the path's last segment is a verb: ``payment_intents.confirm`` at …/{intent}/confirm."""
    parts = _split(path)
    last = parts[-1] if parts else ""
    return bool(last) and not _is_param(last) and id.rsplit(".", 1)[-1] == identifier(last)


def creates(id: str, derived: str, path: str) -> bool:
    """Whether a POST of this name makes a new object, so that it gets a builder."""
    last = id.rsplit(".", 1)[-1]
    if last == "create":
        return True
    if not derived.endswith(".create") or ("." in id and names_action(id, path)):
        return False
    return "." not in id or bool(_CREATES.match(last))


def _flat(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def names_item(path: str) -> bool:
    """Whether a path ends with a parameter, as one object's does: ``/pets/{id}``, ``/pets/{id}.json``."""
    return _without_format(path).endswith("}")


def _without_format(path: str) -> str:
    """``/Messages`` of ``/Messages.json``, ``/pets`` of ``/pets.{format}``: it names no resource."""
    return _FORMAT.sub("", path)


def _split(path: str) -> list[str]:
    """A path's steps. What a step says after a colon, or the path after a #, is an action: ``:cancel``."""
    path, _, action = path.partition("#")
    steps = _without_format(path.partition("?")[0]).split("/")
    parts = [part for step in steps for part in _AT_ACTION.split(step) if part]
    return [*parts, _ACTION + action] if action else parts


def _is_param(part: str) -> bool:
    return part.startswith("{") and part.endswith("}") and part.count("{") == 1
