from __future__ import annotations

import httpx
import pytest

from lineshaft.core import now_ns
from tests.doors.conftest import PASSWORD, House


def browser(house: House) -> httpx.Client:
    """A browser of its own, with its own cookies."""
    return httpx.Client(base_url=house.client.base_url, timeout=30)


def test_a_browser_logs_in_with_a_cookie_that_pages_cannot_read(house: House):
    with browser(house) as page:
        answer = page.post("/api/v1/login", json={"name": "anna", "password": PASSWORD})
        assert answer.status_code == 200
        assert answer.json()["user"]["display"] == "Anna Berg"
        assert answer.json()["user"]["roles"] == ["planner"]
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert page.get("/api/v1/me").json()["name"] == "anna"
        assert page.post("/api/v1/logout", headers={"X-Lineshaft": "1"}).status_code == 200
        assert page.get("/api/v1/me").status_code == 401


def test_a_browser_session_changes_nothing_without_our_header(house: House):
    with browser(house) as page:
        page.post("/api/v1/login", json={"name": "anna", "password": PASSWORD})
        body = {"part": "BRG-6205", "quantity": 1}
        refused = page.post("/api/v1/purchases", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf.missing")
        assert page.post("/api/v1/purchases", json=body, headers={"X-Lineshaft": "1"}).status_code == 201


def test_a_wrong_token_is_not_saved_by_a_good_cookie(house: House):
    with browser(house) as page:
        page.post("/api/v1/login", json={"name": "anna", "password": PASSWORD})
        assert page.get("/api/v1/me", headers={"Authorization": "Bearer lst_wrong"}).status_code == 401
        assert page.get("/api/v1/me", headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_wrong_passwords_are_refused_and_slow_down(house: House):
    for n in range(house.rooms.guard.settings.login_free_attempts + 1):
        answer = house.client.post("/api/v1/login", json={"name": "guessed", "password": f"guess {n}"})
    assert answer.status_code == 429
    assert answer.headers["retry-after"].isdigit()
    assert answer.json()["code"] == "login.slow-down"
    rows = house.get("audit?action=login")["items"]
    assert rows[0]["outcome"] == "refused"


def test_people_are_added_changed_and_disabled(house: House):
    made = house.post("users", {"name": "carl", "password": "carl has a password", "roles": ["operator"]})
    assert made.status_code == 201
    user_id = made.json()["id"]
    changed = house.ask("PATCH", f"users/{user_id}", json={"roles": ["technician"], "version": 1})
    assert changed.json()["version"] == 2
    clash = house.ask("PATCH", f"users/{user_id}", json={"roles": ["viewer"], "version": 1})
    assert (clash.status_code, clash.json()["code"]) == (409, "version.conflict")
    house.ask("PATCH", f"users/{user_id}", json={"disabled": True})
    carl = next(u for u in house.get("users")["items"] if u["id"] == user_id)
    assert carl["roles"] == ["technician"]
    assert carl["disabled"] is not None
    assert house.client.post("/api/v1/login", json={"name": "carl", "password": "carl has a password"}).status_code == 401


def test_a_token_is_shown_once_used_and_ended(house: House):
    key = {"Idempotency-Key": "make the token"}
    made = house.post("tokens", {"name": "export", "role": "viewer"}, headers=key).json()
    again = house.post("tokens", {"name": "export", "role": "viewer"}, headers=key).json()
    assert again == {"id": made["id"], "secret": None}
    bearer = {"Authorization": f"Bearer {made['secret']}"}
    assert house.client.get("/api/v1/me", headers=bearer).json()["kind"] == "token"
    assert made["secret"] not in house.ask("GET", "tokens").text
    assert house.ask("DELETE", f"tokens/{made['id']}").status_code == 200
    assert house.client.get("/api/v1/me", headers=bearer).status_code == 401
    assert house.ask("DELETE", f"tokens/{made['id']}").status_code == 409


def test_a_token_may_expire(house: House):
    past = house.post("tokens", {"name": "late", "role": "viewer", "expires": "2020-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["code"]) == (422, "token.expiry")
    made = house.post("tokens", {"name": "soon", "role": "viewer", "expires": now_ns() + 3600 * 10**9})
    assert made.status_code == 422
    text = house.post("tokens", {"name": "soon", "role": "viewer", "expires": str(now_ns() + 3600 * 10**9)})
    assert text.status_code == 201


def test_the_audit_pages_and_verifies(house: House):
    house.post("tokens", {"name": "one more", "role": "viewer"})
    first = house.get("audit?limit=2")
    second = house.get(f"audit?limit=2&after={first['next']}")
    assert second["items"][0]["seq"] == first["items"][1]["seq"] - 1
    assert first["items"][0]["action"] == "tokens.edit"
    assert first["items"][0]["subject"] == "test admin"
    assert house.get("audit/verify")["ok"] is True


@pytest.mark.parametrize("path", ["users", "tokens"])
def test_who_may_log_in_is_for_administrators(house: House, path):
    assert house.ask("GET", path, "engineer").status_code == 403
    assert house.ask("GET", "audit", "planner").status_code == 403
    assert house.ask("GET", "audit", "engineer").status_code == 200
