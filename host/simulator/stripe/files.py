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


BEHAVIOURS = {"files.create": create_file}
EFFECTS = {"files.create": {"file"}}
