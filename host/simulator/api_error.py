"""An error of the simulated API: raised where it is found, and written as an answer where answers are made."""

from __future__ import annotations

from typing import Any


class SimulatedError(Exception):
    """The simulated API answers with an error.

    ``status`` is the HTTP status; ``type``, ``code``, ``param`` and ``more`` are members of the error object, see
    https://docs.stripe.com/api/errors. With ``worked`` the operation had begun to execute, so the answer is saved under
    the request's idempotency key, as Stripe does. With ``keep`` the changes made before the failure are committed (a
    declined charge is recorded). ``headers`` are added to the answer's.
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
        """The answer's JSON: Stripe's error object, or ``{"error": {"message", "code"}}`` for other APIs."""
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


def invalid(message: str, param: str | None = None, code: str | None = None, *, worked: bool = False) -> SimulatedError:
    """A 400 for a wrong parameter of the request."""
    return SimulatedError(400, message, param=param, code=code, worked=worked)


def missing(noun: str, id: str, param: str, status: int = 404) -> SimulatedError:
    """No such object. ``status`` is 404 where the path names the object, 400 where a parameter does."""
    return SimulatedError(status, f"No such {noun}: '{id}'", code="resource_missing", param=param)
