"""The PDF of a quote that is finalized: a page with its number, customer, items and sums.

What Stripe's looks like is Stripe's; that it is a PDF, of this quote, is what a script can rely on.
"""

from __future__ import annotations

from collections.abc import Sequence

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import shown

_TOP, _LEFT, _STEP, _LOWEST = 780, 60, 20, 40  # points of an A4 page


def quote_pdf(call: RequestContext) -> bytes:
    """https://docs.stripe.com/api/quotes/pdf"""
    quote = call.load("quote", call.path_args["quote"], "quote")
    if quote["status"] == "draft":
        raise call.refuse("This quote has no PDF because it is draft; it must be finalized first.")
    call.headers = {"content-type": "application/pdf"}
    return pdf(_lines(call, quote))


def _lines(call: RequestContext, quote: Object) -> list[str]:
    kept = call.world.store.get("~quote", quote["id"]) or {}
    items = [call.load("item", id) for id in kept.get("items") or []]
    currency = quote["currency"] or "usd"
    customer = call.find("customer", quote["customer"]) or {}
    return [
        f"Quote {quote['number'] or quote['id']}",
        f"For {customer.get('name') or customer.get('email') or quote['customer']}",
        *(quote["header"] or "").splitlines(),
        "",
        *(f"{item['quantity']} x {item['description']}: {shown(item['amount_total'], currency)}" for item in items),
        "",
        f"Total {shown(quote['amount_total'], currency)}",
        *(quote["footer"] or "").splitlines(),
    ]


def pdf(lines: Sequence[str]) -> bytes:
    """A PDF 1.4 with these lines of text, on as many pages as they need (ISO 32000-1, 7.5)."""
    fit = (_TOP - _LOWEST) // _STEP
    pages = [lines[n : n + fit] for n in range(0, len(lines), fit)] or [[]]
    font = 3 + 2 * len(pages)
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
    ]
    for n, page in enumerate(pages):
        text = f"BT /F1 11 Tf {_LEFT} {_TOP} Td {_STEP} TL {' '.join(f'({_escaped(line)}) Tj T*' for line in page)} ET"
        data = text.encode("cp1252", "replace")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {4 + 2 * n} 0 R "
            f"/Resources << /Font << /F1 {font} 0 R >> >> >>".encode()
        )
        objects.append(f"<< /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream")
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start, size = len(out), len(objects) + 1
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += f"xref\n0 {size}\n0000000000 65535 f \n{table}".encode()
    out += f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def _escaped(line: str) -> str:
    """A line as a literal string (7.3.4.2)."""
    plain = "".join(each if each.isprintable() else " " for each in line)
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


BEHAVIOURS = {"quotes.pdf": quote_pdf}
