"""Reads the security schemes and requirements of a document: which keys a request carries, and how.

A requirement is a list of alternatives, each a set of schemes that apply together (OpenAPI 3.1.1, "Security
Requirement Object").
"""

from __future__ import annotations

from typing import Any

from host.apis.document import Document
from host.apis.facts import Auth, Ways

__all__ = ["SecurityReader"]


class SecurityReader:
    """The supported ``schemes`` of a document by name, and its ``default`` requirement."""

    def __init__(self, source: Document) -> None:
        self._source = source
        self.schemes = self._schemes()
        self.default: Ways = self.ways(source.root.get("security"), "security") or ()
        if self.schemes and not self._says_any():
            # No operation requires a scheme, but a configured key is meant to be sent: use any scheme with a key.
            self.default = (*((name,) for name in self.schemes), ())
            names = ", ".join(self.schemes)
            source.warn(
                "#/components/securitySchemes",
                f"there are security schemes ({names}), but no security requirement says where they are needed; "
                "a key that is given is sent with every request, by the first scheme it is for",
            )

    def ways(self, needs: Any, place: str) -> Ways | None:
        """The alternatives of a requirement that use only known schemes; None if ``needs`` is not a requirement."""
        if not isinstance(needs, list):
            return None
        ways = tuple(tuple(need) for need in needs if isinstance(need, dict))
        known = tuple(way for way in ways if all(name in self.schemes for name in way))
        if ways and not known:
            wanted = " or ".join("+".join(way) for way in ways)
            self._source.warn(place, f"needs {wanted}, which is unknown; no key is sent")
        return known

    def _schemes(self) -> dict[str, Auth]:
        schemes = (self._source.root.get("components") or {}).get("securitySchemes") or {}
        found: dict[str, Auth] = {}
        for name, raw in schemes.items():
            place = f"#/components/securitySchemes/{name}"
            scheme = self._source.follow(raw, place)
            auth = _auth(scheme)
            if auth is None:
                self._source.warn(place, f"the scheme {scheme.get('type')!r} is not supported")
            else:
                found[name] = auth
        return found

    def _says_any(self) -> bool:
        """Whether the document has any security requirement, including an empty one."""
        root = self._source.root
        items = [item for item in root["paths"].values() if isinstance(item, dict)]
        nodes = [node for item in items for node in item.values() if isinstance(node, dict)]
        return "security" in root or any("security" in node for node in nodes)


def _auth(scheme: dict[str, Any]) -> Auth | None:
    kind, where = scheme.get("type"), scheme.get("in")
    if kind == "http":
        style = str(scheme.get("scheme", "")).lower()
        return Auth(kind="basic" if style == "basic" else "bearer") if style in ("basic", "bearer") else None
    if kind == "apiKey" and where in ("header", "query", "cookie"):
        return Auth(kind=where, name=str(scheme.get("name", "")))
    if kind == "oauth2":
        flow = (scheme.get("flows") or {}).get("clientCredentials") or {}
        return Auth(kind="oauth2", token_url=flow.get("tokenUrl", ""), scopes=tuple(flow.get("scopes") or ()))
    return Auth(kind="bearer") if kind == "openIdConnect" else None
