from __future__ import annotations

import json

import pytest

from lineshaft.core import (
    ConfigError,
    Conflict,
    CredentialsError,
    Forbidden,
    FormulaError,
    InvalidInput,
    LineshaftError,
    NotAuthenticated,
    NotFound,
    Retryable,
)
from lineshaft.doors.rest.frame.problem import from_error
from tests.doors.conftest import House

FIELDS = {"type", "title", "status", "detail", "code", "where", "hint"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput("x"), 422),
        (FormulaError("x", position=4), 422),
        (NotFound("x"), 404),
        (Conflict("x"), 409),
        (NotAuthenticated("x"), 401),
        (Forbidden("x"), 403),
        (Retryable("x"), 503),
        (Retryable("x", code="login.slow-down", details={"retry_after_s": 8}), 429),
        (CredentialsError("x"), 502),
        (ConfigError("x"), 500),
        (LineshaftError("x"), 500),
    ],
)
def test_every_error_of_the_house_has_its_status(error, status):
    answer = from_error(error)
    body = json.loads(bytes(answer.body))
    assert answer.status_code == body["status"] == status
    assert set(body) >= FIELDS
    assert answer.media_type == "application/problem+json"


def test_a_problem_cannot_be_painted_over_by_its_details():
    body = json.loads(bytes(from_error(Conflict("real", details={"detail": "false", "state": "closed"})).body))
    assert (body["detail"], body["state"]) == ("real", "closed")


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "nothing-here", {}, 404, "http.404"),
        ("DELETE", "spares", {}, 405, "http.405"),
        ("GET", "assets/Bakery/Line 1/Ofen", {}, 404, "assets.unknown"),
        ("GET", "history?property=Bakery/Line 1/Oven/Powr", {}, 404, "assets.no-property"),
        ("GET", "history", {}, 422, "request.invalid"),
        ("GET", "history?property=Bakery/Line 1/Oven/Power&start=yesterday", {}, 422, "time.invalid"),
        ("GET", "history?property=Bakery/Line 1/Oven/Power&start=2026-11-20T06:00:00", {}, 422, "time.invalid"),
        ("GET", "history?property=Bakery/Line 1/Oven/Power&start=now&end=now", {}, 422, "time.span"),
        ("GET", "history?property=Bakery/Line 1/Oven/Power&limit=0", {}, 422, "request.invalid"),
        ("GET", "history?property=Bakery/Line 1/Oven/Power&after=x", {}, 422, "page.invalid"),
        ("GET", "aggregates?property=Bakery/Line 1/Oven/Power&window=soon", {}, 422, "duration.invalid"),
        ("GET", "aggregates?property=Bakery/Line 1/Oven/Power&window=0", {}, 422, "window.short"),
        ("GET", "aggregates?property=Bakery/Line 1/Oven/Power&window=1000000000d", {}, 422, "window.long"),
        ("GET", "stream", {}, 426, "http.426"),
        ("GET", "work-orders?after=x", {}, 422, "page.token"),
        ("GET", "spares?after=x", {}, 422, "page.token"),
        ("GET", "alarms?state=loud", {}, 422, "request.invalid"),
        (
            "POST",
            "work-orders",
            {"content": b"{nonsense", "headers": {"Content-Type": "application/json"}},
            422,
            "request.invalid",
        ),
        ("POST", "work-orders", {"json": {"asset": "Bakery", "title": "x", "prioritty": 1}}, 422, "request.invalid"),
        ("POST", "purchases", {"json": {"part": "BRG-6205", "quantity": -1}}, 422, "request.invalid"),
        (
            "POST",
            "purchases",
            {"json": {"part": "BRG-6205", "quantity": 1}, "headers": {"Idempotency-Key": "x" * 201}},
            422,
            "idempotency.key",
        ),
        ("POST", "work-orders", {"json": {"asset": "Bakery/Line 1/Ofen", "title": "x"}}, 404, "assets.unknown"),
        ("GET", f"work-orders/{'x' * 36}", {}, 404, "work-orders.unknown"),
        ("POST", "spares/BRG-6205/receive", {"content": b"x" * (2 << 20)}, 413, "http.413"),
    ],
)
def test_what_is_wrong_is_told_with_a_code(house: House, method, path, options, status, code):
    answer = house.ask(method, path, **options)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(body) >= FIELDS
    assert body["code"] == code
    assert body["detail"]


def test_a_near_name_is_suggested(house: House):
    assert house.ask("GET", "assets/Bakery/Line 1/Ofen").json()["hint"] == "did you mean 'Bakery/Line 1/Oven'?"


def test_every_wrong_place_of_a_request_is_named(house: House):
    body = house.post("work-orders", {"title": "", "priority": 9}).json()
    assert {e["where"] for e in body["errors"]} == {"body.asset", "body.title", "body.priority"}


def test_answers_are_armoured(house: House):
    for answer in (house.ask("GET", "me"), house.ask("GET", "me", None), house.ask("GET", "nothing-here")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_body_without_an_announced_length_is_counted(house: House):
    def endless():
        for _ in range(40):
            yield b"x" * (64 << 10)

    answer = house.ask("POST", "purchases", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
