"""Payment methods that the customer confirms elsewhere: on a page, in an app, or by scanning a code.

The intent's ``next_action`` says how: https://docs.stripe.com/api/payment_intents/object, and the page of each method.
Currencies: https://docs.stripe.com/payments/payment-methods/payment-method-support
"""

from __future__ import annotations

from typing import Any

from host.simulator.context import Object, RequestContext

# By type of payment method: its currencies, or none where there are many.
METHODS: dict[str, tuple[str, ...]] = {
    "affirm": ("usd", "cad"),
    "afterpay_clearpay": ("aud", "cad", "gbp", "nzd", "usd"),
    "alipay": (),
    "alma": ("eur",),
    "amazon_pay": (),
    "bancontact": ("eur",),
    "billie": (),
    "blik": ("pln",),
    "cashapp": ("usd",),
    "crypto": ("usd",),
    "eps": ("eur",),
    "fpx": ("myr",),
    "giropay": ("eur",),
    "grabpay": ("myr", "sgd"),
    "ideal": ("eur",),
    "kakao_pay": ("krw",),
    "klarna": (),
    "kr_card": ("krw",),
    "link": (),
    "mobilepay": ("dkk", "eur", "nok", "sek"),
    "naver_pay": ("krw",),
    "p24": ("eur", "pln"),
    "pay_by_bank": (),
    "payco": ("krw",),
    "paypay": ("jpy",),
    "paynow": ("sgd",),
    "paypal": (),
    "pix": ("brl",),
    "promptpay": ("thb",),
    "revolut_pay": (),
    "samsung_pay": ("krw",),
    "satispay": ("eur",),
    "scalapay": ("eur",),
    "sofort": ("eur",),
    "sunbit": ("usd",),
    "swish": ("sek",),
    "twint": ("chf",),
    "upi": ("inr",),
    "wechat_pay": (),
    "zip": (),
}
LOCAL = frozenset(METHODS)
# Those whose money cannot be held: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
NOT_HELD = frozenset(
    ("alipay", "bancontact", "blik", "eps", "fpx", "giropay", "grabpay", "ideal", "p24", "paynow", "pix", "promptpay",
     "sofort", "upi", "wechat_pay")
)  # fmt: skip
# Those without a redirect.
_SCANNED = frozenset({"blik", "cashapp", "paynow", "pix", "promptpay", "swish", "upi", "wechat_pay"})
_HOSTED = "https://payments.stripe.com"
_CODE_LIFE = 3600  # seconds; Stripe documents none, and nothing happens when it is over


def check_return(call: RequestContext, type: str) -> None:
    """Refuse a redirect without a ``return_url``."""
    if type in LOCAL - _SCANNED and not call.params.get("return_url"):
        raise call.refuse("Missing required param: return_url.", code="parameter_missing", param="return_url")


def action(call: RequestContext, intent: Object, kind: str, type: str, back: str | None, url: str) -> Object:
    """The ``next_action`` for a type of payment method; the page at ``url`` returns the customer to ``back``.

    ``kind`` is the intent's: setup intents have fewer actions, and a redirect instead.
    """
    code = call.backend.ids.new("", 20)
    found: dict[str, Any] = {"redirect_to_url": {"return_url": back, "url": url}}
    if type == "alipay" and kind == "payment_intent":
        found = {f"{type}_handle_redirect": {"native_data": None, "native_url": None, "return_url": back, "url": url}}
    elif type == "blik":
        found = {"blik_authorize": {}}
    elif type in ("cashapp", "upi") or (type == "swish" and kind == "payment_intent"):
        image = _image(call, code)
        if type == "swish":
            image["data"] = code
        shown: Object = {"hosted_instructions_url": _instructions(type, code), "qr_code": image}
        if type != "upi":
            shown["mobile_auth_url"] = url
        found = {f"{type}_handle_redirect_or_display_qr_code": shown}
    elif type == "pix" or (type in ("paynow", "promptpay", "wechat_pay") and kind == "payment_intent"):
        image = _image(call, code)
        shown = {"data": code, "hosted_instructions_url": _instructions(type, code), **image}
        if type != "pix":
            del shown["expires_at"]
        if type == "wechat_pay":
            shown["image_data_url"] = image["image_url_png"]
        found = {f"{type}_display_qr_code": shown}
    return {"type": next(iter(found)), **found}


def _instructions(type: str, code: str) -> str:
    return f"{_HOSTED}/{type}/instructions/{code}"


def _image(call: RequestContext, code: str) -> Object:
    images = {f"image_url_{form}": f"https://qr.stripe.com/test_{code}.{form}" for form in ("png", "svg")}
    return {"expires_at": call.now + _CODE_LIFE, **images}
