"""Stripe's compiled catalog, which is part of the package."""

from __future__ import annotations

from pathlib import Path

from host.apis.catalog import Catalog

COMPILED = Path(__file__).with_name("stripe.catalog")


def load() -> Catalog:
    """Stripe's catalog, read from its file on each call. Raises ``CatalogError`` if the installation is damaged."""
    return Catalog.load(COMPILED)
