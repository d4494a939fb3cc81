"""httpx.AsyncClient on its own transport, its pool as large as the work needs."""

from __future__ import annotations

import httpx
from driver import FORM, Task, drive_async, headers, run_async


async def main(task: Task) -> None:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    url = f"{task.base_url}/v1/products"
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def create() -> str:
            answer = await client.post(url, data=FORM, headers=headers(task.key))
            answer.raise_for_status()
            return answer.json()["id"]

        await drive_async(task, create)


if __name__ == "__main__":
    run_async(main)
