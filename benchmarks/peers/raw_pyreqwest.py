"""pyreqwest by itself."""

from __future__ import annotations

from driver import FORM, Task, drive_async, headers, run_async
from pyreqwest.client import ClientBuilder


async def main(task: Task) -> None:
    url = f"{task.base_url}/v1/products"
    async with ClientBuilder().no_proxy().error_for_status(True).build() as client:

        async def create() -> str:
            answer = await client.post(url).headers(headers(task.key)).form(FORM).build().send()
            return (await answer.json())["id"]

        await drive_async(task, create)


if __name__ == "__main__":
    run_async(main)
