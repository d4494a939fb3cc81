"""stripe-python on requests; in flight by threads, as its users do."""

from __future__ import annotations

import stripe
from driver import PARAMS, arguments, drive_threads


def main() -> None:
    task = arguments()
    client = stripe.StripeClient(task.key, http_client=stripe.RequestsClient(), base_addresses={"api": task.base_url})
    drive_threads(task, lambda: client.v1.products.create(PARAMS).id)


if __name__ == "__main__":
    main()
