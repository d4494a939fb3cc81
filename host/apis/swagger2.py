"""Converts a Swagger 2.0 document to OpenAPI 3.0, so that the compiler handles only one form.

https://spec.openapis.org/oas/v2.0.html. References to parameters and responses are replaced by their targets, because
their conversion depends on the operation; references to definitions become references to components. Features without
a counterpart are reported as warnings.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from host.apis.document import Document
from host.apis.references import UnresolvedReference
from host.errors import CatalogError

__all__ = ["converted"]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
FORM, MULTIPART, JSON = "application/x-www-form-urlencoded", "multipart/form-data", "application/json"
_OF_SCHEMAS = frozenset(  # keywords of a parameter that describe its value
    """type format items default maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems
    minItems uniqueItems enum multipleOf""".split()  # noqa: SIM905 read as words
)
_STYLES = {  # collectionFormat -> style and explode, in the query and in forms
    "csv": ("form", False),
    "multi": ("form", True),
    "ssv": ("spaceDelimited", False),
    "pipes": ("pipeDelimited", False),
}
_FLOWS = {"application": "clientCredentials", "accessCode": "authorizationCode"}
_KEPT = ("tags", "summary", "description", "externalDocs", "operationId", "deprecated", "security")
_DEFINITIONS = "#/definitions/"


def converted(source: Document) -> dict[str, Any]:
    """The root of the converted document. ``source`` resolves references and receives the warnings."""
    return _Converter(source).root()


class _Converter:
    def __init__(self, source: Document) -> None:
        self._source = source
        self._root = source.root
        self._schemas: dict[int, tuple[Any, Any]] = {}  # id() of a node -> (the node, its conversion)

    def root(self) -> dict[str, Any]:
        old = self._root
        found: dict[str, Any] = {"openapi": "3.0.4", "info": old.get("info") or {}}
        found.update({key: old[key] for key in ("tags", "externalDocs", "security") if key in old})
        found.update({key: value for key, value in old.items() if isinstance(key, str) and key.startswith("x-")})
        if servers := self._servers(_texts(old.get("schemes"))):
            found["servers"] = servers
        definitions, schemes = _object(old.get("definitions")), _object(old.get("securityDefinitions"))
        found["components"] = {
            "schemas": {name: self._schema(node) for name, node in definitions.items()},
            "securitySchemes": {name: self._scheme(node, name) for name, node in schemes.items()},
        }
        paths = old.get("paths")
        found["paths"] = (
            {path: self._item(path, item) for path, item in paths.items()} if isinstance(paths, dict) else paths
        )
        return found

    def _servers(self, schemes: list[str]) -> list[dict[str, Any]]:
        host, base = self._root.get("host"), str(self._root.get("basePath") or "")
        if not isinstance(host, str) or not host:
            return [{"url": base}] if base else []
        web = [scheme for scheme in schemes if scheme in ("https", "http")]
        return [{"url": f"{'https' if 'https' in web or not web else 'http'}://{host}{base}"}]

    # -- paths

    def _item(self, path: str, item: Any) -> Any:
        try:
            item = self._source.follow(item, path)
        except CatalogError:
            return item  # the compiler reports it
        shared = self._parameters(item.get("parameters"), path)
        found: dict[str, Any] = {key: value for key, value in item.items() if str(key).startswith("x-")}
        for method in METHODS:
            if isinstance(item.get(method), dict):
                found[method] = self._operation(item[method], shared, f"{method.upper()} {path}")
            elif method in item:
                found[method] = item[method]
        return found

    def _parameters(self, value: Any, place: str) -> list[dict[str, Any]]:
        """The parameters with references resolved; an unresolvable one remains a reference."""
        found = []
        for raw in value if isinstance(value, list) else ():
            try:
                found.append(self._source.follow(raw, f"{place} parameters"))
            except UnresolvedReference:
                found.append({"$ref": self._reference(raw)})
            except CatalogError as error:
                self._source.warn(place, f"a parameter is left out: {error.message}")
        return found

    def _operation(self, node: dict[str, Any], shared: list[dict[str, Any]], place: str) -> dict[str, Any]:
        own = self._parameters(node.get("parameters"), place)
        known = {(each.get("name"), each.get("in")) for each in own}
        every = [each for each in shared if "$ref" in each or (each.get("name"), each.get("in")) not in known] + own
        found = {key: value for key, value in node.items() if key in _KEPT or str(key).startswith("x-")}
        parameters = [self._parameter(each, place) for each in every if each.get("in") not in ("body", "formData")]
        found["parameters"] = [each for each in parameters if each is not None]
        consumes = _texts(node.get("consumes", self._root.get("consumes")))
        fields = [each for each in every if each.get("in") == "formData"]
        bodies = [each for each in every if each.get("in") == "body"]
        if bodies:
            found["requestBody"] = self._body(bodies[0], consumes)
        elif fields:
            found["requestBody"] = self._form(fields, consumes, place)
        produces = _texts(node.get("produces", self._root.get("produces")))
        responses = node.get("responses")
        if isinstance(responses, dict):
            found["responses"] = {code: self._response(each, produces, place) for code, each in responses.items()}
        if "schemes" in node and (servers := self._servers(_texts(node["schemes"]))):
            found["servers"] = servers
        return found

    def _parameter(self, node: dict[str, Any], place: str) -> dict[str, Any] | None:
        if "$ref" in node:
            return node
        found = {key: value for key, value in node.items() if key not in _OF_SCHEMAS and key != "collectionFormat"}
        found["schema"] = self._value(node)
        if node.get("type") == "array":
            style = self._list_style(node, place)
            if style is None:
                return None
            found["style"], found["explode"] = style
        return found

    def _list_style(self, node: dict[str, Any], place: str) -> tuple[str, bool] | None:
        """The (style, explode) of a list parameter; None, with a warning, if OpenAPI 3 has no counterpart."""
        given = node.get("collectionFormat", "csv")
        if isinstance(items := node.get("items"), dict) and "collectionFormat" in items:
            self._source.warn(place, f"lists within the list {node.get('name')!r} are written as OpenAPI 3 writes them")
        in_path = node.get("in") in ("path", "header")
        if given in _STYLES and not (in_path and given != "csv"):
            return ("simple", False) if in_path else _STYLES[given]
        text = f"the parameter {node.get('name')!r} is left out: collectionFormat {given!r} has no counterpart"
        self._source.warn(place, text)
        return None

    # -- bodies and answers

    def _body(self, node: dict[str, Any], consumes: list[str]) -> dict[str, Any]:
        media = {"schema": self._schema(node.get("schema", {}))}
        return {
            **{key: value for key, value in node.items() if key in ("description", "required")},
            "content": dict.fromkeys(consumes or [JSON], media),
        }

    def _form(self, fields: list[dict[str, Any]], consumes: list[str], place: str) -> dict[str, Any]:
        files = any(field.get("type") == "file" for field in fields)
        kinds = [kind for kind in consumes if kind in (MULTIPART, FORM) and not (files and kind == FORM)]
        encoding: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        for field in fields:
            name = str(field.get("name"))
            if field.get("type") == "array":
                style = self._list_style(field, place)
                if style is None:
                    continue
                encoding[name] = {"style": style[0], "explode": style[1]}
            said = {key: field[key] for key in ("description", "x-nullable") if key in field}
            properties[name] = {**self._value(field), **said}
        required = [name for name in properties if any(f.get("name") == name and f.get("required") for f in fields)]
        schema = {"type": "object", "properties": properties, **({"required": required} if required else {})}
        media = {"schema": schema, **({"encoding": encoding} if encoding else {})}
        return {"required": bool(required), "content": dict.fromkeys(kinds or [MULTIPART if files else FORM], media)}

    def _response(self, node: Any, produces: list[str], place: str) -> Any:
        try:
            node = self._source.follow(node, f"{place} responses")
        except UnresolvedReference:
            return {"$ref": self._reference(node)}
        except CatalogError:
            return node
        found = {key: value for key, value in node.items() if key == "description" or str(key).startswith("x-")}
        if "schema" in node:
            kinds = produces or [JSON]
            if isinstance(node["schema"], dict) and node["schema"].get("type") == "file":
                kinds = [kind for kind in kinds if "json" not in kind] or ["application/octet-stream"]
            found["content"] = {kind: {"schema": self._schema(node["schema"])} for kind in kinds}
        headers = _object(node.get("headers"))
        if headers:
            found["headers"] = {name: {"schema": self._value(_object(each))} for name, each in headers.items()}
        return found

    def _scheme(self, node: Any, name: str) -> Any:
        try:
            node = self._source.follow(node, f"#/securityDefinitions/{name}")
        except CatalogError:
            return node
        if node.get("type") == "basic":
            return {"type": "http", "scheme": "basic"}
        if node.get("type") != "oauth2":
            return node
        flow = {key: value for key, value in node.items() if key in ("authorizationUrl", "tokenUrl", "scopes")}
        given = str(node.get("flow"))
        return {"type": "oauth2", "flows": {_FLOWS.get(given, given): flow}}

    # -- schemas

    def _value(self, node: dict[str, Any]) -> dict[str, Any]:
        """The schema of a parameter, form field or header."""
        found: dict[str, Any] = self._schema({key: value for key, value in node.items() if key in _OF_SCHEMAS})
        return found

    def _schema(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        if id(node) in self._schemas:
            return self._schemas[id(node)][1]
        found: dict[str, Any] = {}
        self._schemas[id(node)] = (node, found)
        found.update((key, self._within(key, value)) for key, value in node.items() if key != "collectionFormat")
        if isinstance(node.get("$ref"), str):
            found["$ref"] = self._reference(node)
        if node.get("type") == "file":
            found.update(type="string", format="binary")
        if isinstance(node.get("discriminator"), str):
            found["discriminator"] = {"propertyName": node["discriminator"]}
        if node.get("x-nullable") is True:
            found["nullable"] = True
        return found

    def _within(self, key: str, value: Any) -> Any:
        """A schema keyword's value with the schemas in it converted."""
        if key in ("properties", "patternProperties") and isinstance(value, dict):
            return {name: self._schema(each) for name, each in value.items()}
        if key in ("allOf", "anyOf", "oneOf") and isinstance(value, list):
            return [self._schema(each) for each in value]
        return self._schema(value) if key in ("items", "additionalProperties", "not") else value

    def _reference(self, node: dict[str, Any]) -> Any:
        """The node's reference as it is in the converted document; unchanged if it is not a string."""
        if not isinstance(node["$ref"], str):
            return node["$ref"]
        resource, _, fragment = self._source.references.canonical(node).partition("#")
        if not resource and f"#{fragment}".startswith(_DEFINITIONS):
            fragment = "/components/schemas/" + fragment[len(_DEFINITIONS) - 1 :]
        return f"{quote(resource, safe='/:')}#{quote(fragment, safe='/~$')}"


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
