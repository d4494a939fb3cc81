"""Files that are uploaded: https://docs.stripe.com/api/files"""

from __future__ import annotations

from typing import Any

from host.simulator import resources
from host.simulator.context import Object, RequestContext


def create_file(call: RequestContext) -> Object:
    """What was uploaded: name, size and type; the content is not kept."""
    sent = call.params.get("file")
    facts: dict[str, Any] = sent if isinstance(sent, dict) else {"filename": "file", "size": len(str(sent or ""))}
    record = call.put(resources.fresh(call), {"purpose": call.params.get("purpose")})
    record.update(filename=facts["filename"], size=facts["size"], type=facts["filename"].rpartition(".")[2] or None)
    record["url"] = f"https://files.stripe.com/v1/files/{record['id']}/contents"
    return call.save("file", record)


def create_link(call: RequestContext) -> Object:
    """An address at which anybody can have a file. https://docs.stripe.com/api/file_links"""
    call.load("file", call.params["file"], "file", 400)
    link = call.put(resources.fresh(call), call.params)
    link["url"] = f"https://files.stripe.com/links/{call.world.ids.new('', 64)}"
    return call.save("file_link", link)


BEHAVIOURS = {"file_links.create": create_link, "files.create": create_file}
EFFECTS = {"files.create": {"file"}}
