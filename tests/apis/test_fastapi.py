"""What FastAPI says of an application is taken as it is."""

from fastapi import FastAPI
from pydantic import BaseModel, Field

from host import Host


class Size(BaseModel):
    width: int = Field(gt=0)
    unit: str = "cm"


class Toy(BaseModel):
    name: str
    size: Size | None = None
    tags: list[str] = []


class Kept(Toy):
    id: int


def test_fastapis_own_document_works_as_it_is() -> None:
    """``app.openapi()`` is a document: names by its paths, models checked, deeper ones too."""

    app = FastAPI()

    @app.post("/toys", status_code=201)
    def add_toy(toy: Toy) -> Kept: ...

    @app.get("/toys/{toy_id}")
    def read_toy(toy_id: int, q: str | None = None) -> Kept: ...

    @app.get("/toys")
    def all_toys(offset: int = 0, limit: int = 10) -> list[Kept]: ...

    with Host(apis={}) as host:
        catalog = host.add_api("shop", app.openapi(), base_url="https://shop.test")
        assert catalog.warnings == ()
        assert catalog.operation_ids() == ("toys.list", "toys.create", "toys.retrieve")
        assert catalog.builder_names() == ("toy",)
        deep = host.catalog("shop").schema("Size")
        assert host.catalog("shop").needed(deep) == ("width",)
        wrong = host.run_source('shop.new_toy():name("a"):size{width = 0}').error
        assert wrong is not None
        assert "size" in wrong.message
        assert "width" in wrong.message
