"""An answer that is an error, raised where it is found and written down where the answer is made."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """The simulated API says no.

    ``status`` is the HTTP status, the rest the members of the error object. ``worked`` says that the work had
    begun, so that the answer is kept under its idempotency key as Stripe does; ``keep`` that what the work
    changed before it failed stays changed (a declined charge is recorded).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        worked: bool = False,
        keep: bool = False,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.worked = worked
        self.keep = keep
        self.headers = headers or {}
        self.more = more

    def body(self, *, stripe: bool) -> dict[str, Any]:
        """The answer's JSON: Stripe's error object, or ``{"error": {"message", "code"}}`` elsewhere."""
        error: dict[str, Any] = {"message": self.message}
        if self.code is not None:
            error["code"] = self.code
        if self.param is not None:
            error["param"] = self.param
        if stripe:
            error["type"] = self.type
            if self.code is not None and self.status != 501:
                error["doc_url"] = "https://stripe.com/docs/error-codes/" + self.code.replace("_", "-")
            error.update(self.more)
        elif "code" not in error:
            error["code"] = self.type
        return {"error": error}


def invalid(message: str, param: str | None = None, code: str | None = None, *, worked: bool = False) -> Refusal:
    """A 400 about the request's parameters."""
    return Refusal(400, message, param=param, code=code, worked=worked)


def missing(noun: str, id: str, param: str, status: int = 404) -> Refusal:
    """No such object: 404 where the path names it, 400 where a parameter does."""
    return Refusal(status, f"No such {noun}: '{id}'", code="resource_missing", param=param)
