"""stripe-python on httpx, its default client for async calls."""

from __future__ import annotations

import httpx
import stripe
from driver import PARAMS, Task, drive_async, run_async


async def main(task: Task) -> None:
    # its pool of 100 cannot be made larger, so a thousand at once need patience
    http = stripe.HTTPXClient(timeout=httpx.Timeout(600))
    client = stripe.StripeClient(task.key, http_client=http, base_addresses={"api": task.base_url})

    async def create() -> str:
        return (await client.v1.products.create_async(PARAMS)).id

    await drive_async(task, create)
    await http.close_async()


if __name__ == "__main__":
    run_async(main)
