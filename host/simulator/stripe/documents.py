"""Invoices and quotes as small PDF files of plain text. https://docs.stripe.com/invoicing/customize"""

from __future__ import annotations

from datetime import UTC, datetime

from host.simulator.context import Object, RequestContext
from host.simulator.stripe.money import shown
from host.simulator.stripe.quotes import KIND as QUOTE
from host.simulator.stripe.quotes import items_of

_PAGE = 48  # lines on a page of A4


def pdf(lines: list[str]) -> bytes:
    """A PDF of these lines, on as many pages as needed. Characters outside Windows-1252 become question marks."""
    pages = [lines[n : n + _PAGE] for n in range(0, len(lines), _PAGE)] or [[]]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for n, page in enumerate(pages):
        text = b"\n".join(b"(" + _escaped(line) + b") Tj T*" for line in page)
        content = b"BT /F1 10 Tf 15 TL 56 780 Td\n" + text + b"\nET"
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            + f"/Contents {5 + 2 * n} 0 R >>".encode()
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream")
    return _file(objects)


def _escaped(line: str) -> bytes:
    for sign in "\\()":
        line = line.replace(sign, "\\" + sign)
    return line.encode("cp1252", "replace")


def _file(objects: list[bytes]) -> bytes:
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = b"".join(f"{at:010d} 00000 n \n".encode() for at in places)
    size = len(objects) + 1
    head = f"xref\n0 {size}\n0000000000 65535 f \n".encode()
    end = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + head + table + end.encode()


def of_invoice(invoice: Object) -> bytes:
    """The PDF of an invoice: its lines and totals."""
    currency = invoice["currency"]
    found = [f"Invoice {invoice['number']}", f"Date of issue {_day(invoice['status_transitions']['finalized_at'])}"]
    if invoice["due_date"]:
        found.append(f"Date due {_day(invoice['due_date'])}")
    found += ["", str(invoice["customer_name"] or ""), str(invoice["customer_email"] or ""), ""]
    for line in invoice["lines"]["data"]:
        found.append(f"{line['description'] or 'Item'}   {_sum(line['amount'], currency)}")
    found += ["", f"Subtotal   {_sum(invoice['subtotal'], currency)}"]
    found += [f"Discount   -{_sum(each['amount'], currency)}" for each in invoice["total_discount_amounts"]]
    found += [f"Tax   {_sum(each['amount'], currency)}" for each in invoice["total_taxes"]]
    found += [f"Total   {_sum(invoice['total'], currency)}", f"Amount due   {_sum(invoice['amount_due'], currency)}"]
    return pdf([*found, "", *str(invoice["footer"] or "").splitlines(), "Simulated: no money moves."])


def quote_pdf(call: RequestContext) -> bytes:
    """The PDF of a finalized quote. https://docs.stripe.com/api/quotes/pdf"""
    quote = call.load(QUOTE, call.path_args["quote"], "quote")
    if quote["number"] is None:
        raise call.refuse("Only a quote that was finalized has a PDF.", status=400)
    currency, customer = quote["currency"], call.find("customer", quote["customer"]) or {}
    found = [f"Quote {quote['number']}", f"Expires {_day(quote['expires_at'])}"]
    found += [f"For {customer.get('name') or customer.get('email') or quote['customer']}"]
    found += [*str(quote["header"] or "").splitlines(), ""]
    for item in items_of(call, quote):
        many = f"{item['quantity']} x " if item["quantity"] else ""
        found.append(f"{many}{item['description']}   {_sum(item['amount_total'], currency)}")
    found += ["", f"Total   {_sum(quote['amount_total'], currency)}", str(quote["description"] or "")]
    call.headers = {**call.headers, "content-type": "application/pdf"}
    return pdf([*found, *str(quote["footer"] or "").splitlines(), "Simulated: no money moves."])


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%d %B %Y}"


def _sum(amount: int, currency: str) -> str:
    return f"{shown(amount, currency)} {currency.upper()}"


BEHAVIOURS = {"quotes.pdf": quote_pdf}
