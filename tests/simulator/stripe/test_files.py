"""Files: what was uploaded is what is downloaded; and the PDF of a quote."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from host.apis.stripe import load
from host.simulator.server import SimulatorServer
from host.simulator.simulator import Simulator
from host.simulator.store import Store

KEY = {"Authorization": "Bearer sk_test_1"}
CONTENTS = [b"", b"x", b"a\0b\r\n\xff--b\r\n", bytes(range(256)) * 1000, b"\r\n", "é\n".encode()]


def upload(content: bytes, kind: str = "image/png") -> tuple[dict[str, str], bytes]:
    """Headers and body of an upload."""
    part = b'--bound\r\ncontent-disposition: form-data; name="purpose"\r\n\r\ndispute_evidence\r\n--bound\r\n'
    part += b'content-disposition: form-data; name="file"; filename="a.png"\r\ncontent-type: ' + kind.encode()
    body = part + b"\r\n\r\n" + content + b"\r\n--bound--\r\n"
    return {**KEY, "Content-Type": "multipart/form-data; boundary=bound"}, body


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_the_same_bytes_come_back_with_their_type(stripe, content) -> None:
    """Whatever is in it, line ends and what is no text included."""
    simulator = Simulator(stripe)
    file = simulator.handle("POST", "/v1/files", *upload(content))
    id = re.search(rb'"id":"(file_\w+)"', file[2])[1].decode()
    status, headers, body = simulator.handle("GET", f"/v1/files/{id}/contents", KEY)
    assert (status, headers["content-type"], body) == (200, "image/png", content)
    assert [kind for kind, _ in simulator.ledger()] == ["file"]


def test_no_file_and_another_accounts_file_are_the_apis_errors(api) -> None:
    """A file that does not exist, or is of another account, is answered with 404.

    https://docs.stripe.com/api/errors
    """
    assert api.error("GET", "/v1/files/file_none/contents")[0] == 404
    account = api.post("/v1/accounts", "type=custom&country=US")["id"]
    content = upload(b"abc")
    _, _, answer = api.simulator.handle("POST", "/v1/files", *content)
    path = f"/v1/files/{json.loads(answer)['id']}/contents"
    assert api.simulator.handle("GET", path, KEY)[2] == b"abc"
    assert api.error("GET", path, Stripe_Account=account)[0] == 404


def test_a_file_is_at_its_own_url_on_a_server_and_stays_in_a_store(tmp_path) -> None:
    """``url`` of a file is asked with the key, as at Stripe."""
    path = tmp_path / "store"
    simulator = Simulator(load(), store=Store(path))
    with SimulatorServer(simulator, "127.0.0.1", 0) as server:
        file = httpx.post(f"{server.url}/v1/files", headers=upload(b"abc")[0], content=upload(b"abc")[1]).json()
        assert file["url"] == f"{server.url}/v1/files/{file['id']}/contents"
        assert httpx.get(file["url"], headers=KEY).content == b"abc"
        assert httpx.get(file["url"]).status_code == 401
    simulator.close()
    again = Simulator(load(), store=Store(path))
    assert again.handle("GET", f"/v1/files/{file['id']}/contents", KEY)[2] == b"abc"
    again.close()


def test_a_quote_has_a_pdf_from_when_it_is_finalized(api) -> None:
    """It names the quote, its customer, its items and its total; each object is where its table says."""
    customer = api.post("/v1/customers", "name=Ann (Ltd)")["id"]
    product = api.post("/v1/products", "name=Pro")["id"]
    price = api.post("/v1/prices", f"product={product}&currency=usd&unit_amount=1999")["id"]
    items = f"line_items[0][price]={price}&line_items[0][quantity]=2"
    quote = api.post("/v1/quotes", f"customer={customer}&{items}")["id"]
    assert api.error("GET", f"/v1/quotes/{quote}/pdf")[0] == 400
    number = api.post(f"/v1/quotes/{quote}/finalize")["number"]
    status, headers, body = api.simulator.handle("GET", f"/v1/quotes/{quote}/pdf", KEY)
    assert (status, headers["content-type"], body[:8]) == (200, "application/pdf", b"%PDF-1.4")
    for text in (number, "Ann \\(Ltd\\)", "2 x Pro   $39.98 USD", "Total   $39.98 USD"):
        assert text.encode() in body
    start = int(re.search(rb"startxref\n(\d+)", body)[1])
    assert body[start:].startswith(b"xref\n")
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", body)]
    assert [body[place:].split()[0] for place in places] == [str(n).encode() for n in range(1, len(places) + 1)]
    for length, stream in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", body, re.DOTALL):
        assert len(stream) == int(length)


def test_many_items_are_on_several_pages(api) -> None:
    """Twenty items and a long footer: they stand on three pages."""
    customer = api.post("/v1/customers", "name=Ann")["id"]
    product = api.post("/v1/products", "name=Pro")["id"]
    price = api.post("/v1/prices", f"product={product}&currency=usd&unit_amount=100")["id"]
    items = "&".join(f"line_items[{n}][price]={price}" for n in range(20))
    footer = "%0A".join(["f"] * 100)
    quote = api.post("/v1/quotes", f"customer={customer}&{items}&footer={footer}")["id"]
    api.post(f"/v1/quotes/{quote}/finalize")
    body = api.simulator.handle("GET", f"/v1/quotes/{quote}/pdf", KEY)[2]
    assert body.count(b"/Type /Page ") == int(re.search(rb"/Count (\d+)", body)[1]) == 3
