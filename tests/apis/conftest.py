from __future__ import annotations

import pytest

from host.apis import stripe as stripe_api
from host.apis.catalog import Catalog


@pytest.fixture(scope="session")
def stripe() -> Catalog:
    return stripe_api.load()
