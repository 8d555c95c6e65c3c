"""Errors as RFC 9457 problems: what is wrong, where, how to mend it, and a stable code."""

from __future__ import annotations

import http
import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lineshaft.core import (
    ConfigError,
    Conflict,
    CredentialsError,
    Forbidden,
    InvalidInput,
    LineshaftError,
    NotAuthenticated,
    NotFound,
    Retryable,
)

log = logging.getLogger("lineshaft.rest")

STATUS: tuple[tuple[type[LineshaftError], int, str], ...] = (
    (InvalidInput, 422, "This cannot be taken"),
    (NotFound, 404, "There is no such thing"),
    (Conflict, 409, "It changed meanwhile, or cannot be done from here"),
    (NotAuthenticated, 401, "Nobody known is asking"),
    (Forbidden, 403, "The gate says no"),
    (Retryable, 503, "Try again later"),
    (CredentialsError, 502, "A machine or system refuses our credentials"),
    (ConfigError, 500, "Something is configured wrongly"),
)
"""Which status a class of error has."""

PROBLEM = "application/problem+json"


def problem(status: int, title: str, detail: str, code: str, **more: Any) -> JSONResponse:
    """Return one problem document."""
    body = {
        "type": f"urn:lineshaft:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "where": more.pop("where", ""),
        "hint": more.pop("hint", ""),
        **more,
    }
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="lineshaft"'
    if status in {429, 503}:
        headers["Retry-After"] = str(body.get("retry_after_s", 1))
    return JSONResponse(body, status, headers, media_type=PROBLEM)


def from_error(error: LineshaftError) -> JSONResponse:
    """Return the problem an error of the house is."""
    status, title = next(((s, t) for kind, s, t in STATUS if isinstance(error, kind)), (500, "Something went wrong"))
    if error.code == "login.slow-down":
        status, title = 429, "Too many attempts"
    taken = {"type", "title", "status", "detail", "code", "where", "hint"}
    extra = {name: value for name, value in error.details.items() if name not in taken}
    return problem(status, title, error.what, error.code, where=error.where, hint=error.hint, **extra)


def from_validation(errors: Sequence[Mapping[str, Any]]) -> JSONResponse:
    """Return the problem of a request whose parameters or body do not fit, naming every place."""
    places = [
        {"where": ".".join(str(part) for part in e["loc"]), "what": str(e["msg"]), "code": str(e["type"])} for e in errors[:50]
    ]
    first = places[0] if places else {"where": "", "what": "the request does not fit", "code": ""}
    detail = f"{first['where']}: {first['what']}"
    hint = "the OpenAPI document at /api/openapi.json has an example of every request"
    return problem(422, "This cannot be taken", detail, "request.invalid", where=first["where"], hint=hint, errors=places)


def mount(app: FastAPI) -> None:
    """Answer every error of an application as a problem."""

    async def ours(_request: Request, error: Exception) -> JSONResponse:
        return from_error(cast("LineshaftError", error))

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        return from_validation(cast("RequestValidationError", error).errors())

    async def plain(_request: Request, error: Exception) -> JSONResponse:
        failed = cast("HTTPException", error)
        title = http.HTTPStatus(failed.status_code).phrase
        answer = problem(failed.status_code, title, str(failed.detail), f"http.{failed.status_code}")
        answer.headers.update(failed.headers or {})
        return answer

    async def ours_to_mend(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        hint = "this is a defect of ours; the node's log has the details"
        return problem(500, "Something went wrong", "an unexpected error", "internal", hint=hint)

    app.add_exception_handler(LineshaftError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(Exception, ours_to_mend)
