"""People and tokens who try more than their role, their place or the four eyes allow."""

from __future__ import annotations

import json
import uuid

import pytest
import sqlalchemy as sa
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from lineshaft.act.tables import approvals
from lineshaft.core import now_ns
from tests.redteam.conftest import OVEN, PUMP, SETPOINT, Target

pytestmark = pytest.mark.redteam
NOTHING = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def order(target: Target):
    return target.made("work-orders", {"asset": OVEN, "title": "Door seal"}, "tec")


def lock(target: Target, order) -> dict:
    """Ask for a lock on the oven before the work."""
    body = {"text": "Main switch", "points": ["Q1"]}
    return target.made(f"work-orders/{order['id']}/permits", body, "tec")["permits"][-1]


@pytest.mark.parametrize(
    ("who", "method", "path", "body"),
    [
        ("view", "POST", "values", {"rows": []}),
        ("view", "POST", "cases", {"process": "quality-hold", "asset": OVEN}),
        ("ops", "POST", "work-orders", {"asset": OVEN, "title": "x" * 9}),
        ("ops", "POST", f"approvals/{NOTHING}/decide", {"decision": "approve"}),
        ("tec", "POST", "purchases", {"part": "BRG-6205", "quantity": 1}),
        ("anna", "POST", "writes", {"property": SETPOINT, "value": 100}),
        ("anna", "POST", "tokens", {"name": "mine", "role": "admin"}),
        ("eng", "POST", "users", {"name": "me2", "password": "a long enough one", "roles": ["admin"]}),
        ("eng", "POST", "permissions", {"who": "user:anna", "tables": "spares"}),
        ("tec", "POST", "agents", {"name": "mine", "job": "outside", "role": "engineer"}),
        ("tec", "POST", "agents/resume", {}),
        ("view", "GET", "audit", None),
        ("tec", "GET", "users", None),
        ("anna", "GET", "webhooks", None),
    ],
)
def test_a_role_that_is_too_low(target: Target, attempt, who, method, path, body):
    with attempt() as tried:
        tried.no(target.ask(method, path, who, body), 403)


def test_approving_ones_own_proposal(target: Target, attempt):
    made = target.proposal("eng")
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve"}, "eng"), 403)


def test_approving_ones_own_proposal_through_ones_own_token(target: Target, attempt):
    made = target.proposal("boss")
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve"}, "boss token"), 403)


def test_approving_through_a_session_what_ones_token_proposed(target: Target, attempt):
    made = target.proposal("boss token")
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve"}, "boss"), 403)


def test_approving_with_a_token_nobody_stands_behind(target: Target, attempt):
    made = target.proposal("eng")
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve"}, "orphan"), 403)


def test_approving_what_one_has_edited(target: Target, attempt):
    made = target.proposal("eng")
    edited = target.made(f"approvals/{made['id']}/decide", {"decision": "edit", "edit": {"value": 90.0}}, "eng2")
    assert edited["proposal"]["value"] == 90.0
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve"}, "eng2"), 403)


@pytest.mark.parametrize("edit", [{"property": f"{PUMP}/Vibration"}, {"unit": "x"}, {"new": 1}, {"value": "fast"}, {}])
def test_editing_a_proposal_into_another(target: Target, attempt, edit):
    made = target.proposal("eng")
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "edit", "edit": edit}, "eng2"), 422)


def test_editing_a_purchase_to_another_part_or_price(target: Target, attempt):
    target.made("purchases", {"part": "BRG-6205", "quantity": 2}, "anna")
    open_ = target.ask("GET", "approvals?state=open", "bert").json()["items"]
    made = next(row for row in open_ if row["proposal"].get("part") == "BRG-6205")
    for edit in ({"part": "GOLD"}, {"unit_cost": 0.01}, {"purchase_id": "x"}, {"quantity": -1}):
        with attempt() as tried:
            tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "edit", "edit": edit}, "bert"), 422)


def test_approving_and_changing_in_one_breath(target: Target, attempt):
    made = target.proposal("eng")
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve", "edit": {"value": 124.0}}, "eng2"), 422)


def test_approving_a_proposal_that_changed_meanwhile(target: Target, attempt):
    made = target.proposal("eng")
    seen = target.ask("GET", "approvals?state=open", "bert").json()["items"]
    version = next(row["version"] for row in seen if row["id"] == made["id"])
    target.made(f"approvals/{made['id']}/decide", {"decision": "edit", "edit": {"value": 61.0}}, "eng2")
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve", "version": version}, "bert"), 409)


def test_approving_after_expiry(target: Target, attempt):
    made = target.proposal("eng")
    with target.plant.db.begin() as tx:
        tx.execute(sa.update(approvals).where(approvals.c.id == made["id"]).values(expires=now_ns() - 1, state="expired"))
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve"}, "eng2"), 409)


def test_deciding_again_what_was_rejected(target: Target, attempt):
    made = target.proposal("eng")
    target.made(f"approvals/{made['id']}/decide", {"decision": "reject", "reason": "no"}, "eng2")
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve"}, "bert"), 409)


def test_replaying_an_approval_for_another_proposal(target: Target, attempt):
    first, second, key = target.proposal("eng"), target.proposal("eng", 70.0), {"Idempotency-Key": str(uuid.uuid4())}
    target.post(f"approvals/{first['id']}/decide", {"decision": "reject"}, "eng2", headers=key)
    with attempt() as tried:
        tried.no(target.post(f"approvals/{second['id']}/decide", {"decision": "reject"}, "eng2", headers=key), 409)


def test_using_somebody_elses_idempotency_key_to_read_a_secret(target: Target, attempt):
    key, body = {"Idempotency-Key": str(uuid.uuid4())}, {"name": "press", "role": "admin"}
    made = target.post("tokens", body, "boss", headers=key).json()
    assert made["secret"]
    assert target.post("tokens", body, "boss", headers=key).json().get("secret") is None
    with attempt() as tried:
        answer = tried.no(target.post("tokens", body, "anna", headers=key), 403)
        assert made["secret"] not in answer.text


def test_an_account_made_to_approve_oneself(target: Target, attempt):
    """Who may make accounts makes a second one, or takes over a colleague's, after filing a proposal."""
    made = target.proposal("boss")
    body = {"name": f"second-{uuid.uuid4().hex[:6]}", "password": "a second person's password", "roles": ["planner"]}
    assert target.post("users", body, "boss").status_code == 201
    second = target.http.post("/api/v1/login", json={"name": body["name"], "password": body["password"]}).json()["token"]
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve"}, second), 403)
    taken = {"password": "the boss knows this password"}
    assert target.ask("PATCH", f"users/{target.ids['bert']}", "boss", taken).status_code == 200
    bert = target.http.post("/api/v1/login", json={"name": "bert", **taken}).json()["token"]
    with attempt() as tried:
        tried.no(target.post(f"approvals/{made['id']}/decide", {"decision": "approve"}, bert), 403)
    target.keys["bert"] = bert


TRICKS = [
    "Bakery/Line 2/../Line 1/Oven",
    "bakery/line 1/oven",
    "Bakery/Line 1/Oven/",
    "Bakery//Line 1/Oven",
    "Bakery／Line 1／Oven",  # noqa: RUF001 - that is the trick
    "Bakery/Line 2\u200b/../Line 1/Oven",
    "Bakery/Line 1/Oven\u0000",
    "Bakery/Line 2%2f..%2fLine 1/Oven",
    " Bakery/Line 1/Oven",
    "Bakery/Line 1/Oven",
]


@pytest.mark.parametrize("path", TRICKS)
def test_leaving_ones_part_of_the_plant(target: Target, attempt, path):
    with attempt() as tried:
        tried.no(target.post("work-orders", {"asset": path, "title": "Not mine at all"}, "line 2"), 403, 404, 422)


def test_changing_and_deciding_elsewhere(target: Target, attempt, order):
    made = target.proposal("eng")
    for path, body in (
        ("attributes", {"property": f"{OVEN}/IdealCycle", "value": 9.0}),
        ("writes", {"property": SETPOINT, "value": 100}),
        (f"approvals/{made['id']}/decide", {"decision": "approve"}),
        (f"work-orders/{order['id']}/triage", {}),
        ("findings", {"asset": OVEN, "kind": "drift", "score": 0.5}),
        ("notifications/routes", {"who": "concerned"}),
    ):
        with attempt() as tried:
            tried.no(target.post(path, body, "line 2"), 403)


def test_sending_values_of_somebody_elses_machine(target: Target, attempt):
    body = {"rows": [{"property": f"{OVEN}/Temperature", "timestamp": "2026-01-01T00:00:00Z", "value": 1000.0}]}
    with attempt("ledger", "ledger_count", "series") as tried:
        answer = target.post("values", body, "line 2")
        tried.answers.append(f"{answer.status_code} rejected: {answer.json()['rejected'][0]['reason']}")
        assert (answer.json()["stored"], answer.json()["rejected"][0]["reason"]) == (0, "forbidden")


@pytest.mark.parametrize(
    "secret", ["", "lst_" + "A" * 43, "lss_" + "A" * 43, "null", "admin", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJib3NzIn0.", "ended"]
)
def test_a_forged_or_ended_key(target: Target, attempt, secret):
    with attempt() as tried:
        tried.no(target.post("work-orders", {"asset": OVEN, "title": "x" * 9}, target.keys.get(secret, secret)), 401)


@pytest.mark.parametrize("cookie", ["lss_forged", "boss", "id-boss", "lss_" + "B" * 43])
def test_a_forged_cookie(target: Target, attempt, cookie):
    with attempt() as tried:
        headers = {"Cookie": f"lineshaft_session={cookie}", "X-Lineshaft": "1"}
        tried.no(target.post("work-orders", {"asset": OVEN, "title": "x" * 9}, None, headers=headers), 401)


def test_another_site_that_uses_ones_cookie(target: Target, attempt):
    with attempt() as tried:
        headers = {"Cookie": f"lineshaft_session={target.keys['boss']}", "Origin": "https://evil.example"}
        tried.no(target.post("users", {"name": "x", "password": "y" * 20, "roles": ["admin"]}, None, headers=headers), 403)


def test_the_session_of_somebody_who_was_shut_out(target: Target, attempt):
    body = {"name": f"gone-{uuid.uuid4().hex[:6]}", "password": "somebody's long password", "roles": ["admin"]}
    made = target.made("users", body, "boss")
    session = target.http.post("/api/v1/login", json={"name": body["name"], "password": body["password"]}).json()["token"]
    target.ask("PATCH", f"users/{made['id']}", "boss", {"disabled": True})
    with attempt() as tried:
        tried.no(target.post("tokens", {"name": "back door", "role": "admin"}, session), 401)


@pytest.mark.parametrize(
    "header",
    [
        {"X-User": "boss"},
        {"X-Forwarded-User": "boss", "X-Remote-User": "boss", "Remote-User": "boss"},
        {"X-Original-URL": "/api/v1/me", "X-Rewrite-URL": "/api/v1/me"},
        {"X-HTTP-Method-Override": "GET", "X-Method-Override": "GET"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
        {"X-Lineshaft-Role": "admin", "X-Role": "admin"},
    ],
)
def test_headers_that_claim_to_be_somebody(target: Target, attempt, header):
    with attempt() as tried:
        tried.no(target.post("users", {"name": "x", "password": "y" * 20, "roles": ["admin"]}, "view", headers=header), 403)


def test_guessing_a_password(target: Target, attempt):
    with attempt() as tried:
        tried.no(target.http.post("/api/v1/login", json={"name": "boss", "password": "guessed"}), 401)


@pytest.mark.parametrize(
    "path",
    [
        "documents/..%2f..%2f..%2fetc%2fpasswd/content",
        "documents/%2e%2e%2f%2e%2e%2flineshaft.db/content",
        "images/..%2f..%2flineshaft.db/content",
        "images/....%2f%2f....%2f%2fetc%2fpasswd/content",
        "catalog/..%2f..%2flineshaft.db",
        "etl/..%2f..%2fetc%2fpasswd",
        "spares/..%5c..%5clineshaft.db",
    ],
)
def test_a_path_that_leaves_its_folder(target: Target, attempt, path):
    with attempt() as tried:
        answer = tried.no(target.ask("GET", path, "boss"), 404, 422)
        assert "root:" not in answer.text
        assert "SQLite" not in answer.text


@pytest.mark.parametrize(
    "path", ["/..%2f..%2flineshaft.db", "/assets/..%2f..%2f..%2fapp%2fplant.py", "/%2e%2e/%2e%2e/settings.toml"]
)
def test_pages_that_are_files_of_the_node(target: Target, attempt, path):
    with attempt() as tried:
        answer = target.http.get(path)
        tried.answers.append(str(answer.status_code))
        assert "writer.allow" not in answer.text
        assert "SQLite" not in answer.text
        assert "class Plant" not in answer.text


@pytest.mark.parametrize("job", ["..%2f..%2f..%2ftmp%2fevil", "%2e%2e%2fevil", "evil;rm -rf", "evil\u0000"])
def test_running_a_job_that_is_no_job(target: Target, attempt, job):
    with attempt() as tried:
        tried.no(target.post(f"etl/{job.replace(chr(0), '%00')}/run", None, "eng"), 404, 405, 422)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("work-orders", {"asset": OVEN, "title": "Look at it", "state": "closed", "created_by": "id-boss"}),
        ("purchases", {"part": "BRG-6205", "quantity": 1, "state": "approved", "approved_by": "id-boss"}),
        ("writes", {"property": SETPOINT, "value": 100, "state": "approved", "decided_by": "id-boss"}),
        ("tokens", {"name": "x", "role": "viewer", "created_by": "id-anna", "id": "mine"}),
    ],
)
def test_fields_nobody_may_fill_in(target: Target, attempt, path, body):
    with attempt() as tried:
        tried.no(target.post(path, body, "boss"), 422)


@pytest.mark.parametrize("value", [300, 59.9, 1e308, -1, "100", True])
def test_writing_beyond_the_limits(target: Target, attempt, value):
    with attempt() as tried:
        tried.no(target.post("writes", {"property": SETPOINT, "value": value}, "eng"), 422)


@pytest.mark.parametrize("name", ["Power", "State", "IdealCycle", "Temperature"])
def test_writing_what_is_not_released_for_writing(target: Target, attempt, name):
    with attempt() as tried:
        tried.no(target.post("writes", {"property": f"{OVEN}/{name}", "value": 100}, "eng"), 403, 404, 422)


def test_writing_under_lock_out(target: Target, attempt, order):
    made = target.proposal("eng")
    permit = lock(target, order)
    target.made(f"work-orders/{order['id']}/permits/{permit['id']}/apply", {"points": ["Q1"]}, "tec")
    with attempt() as tried:
        tried.no(target.post("writes", {"property": SETPOINT, "value": 90}, "eng"), 409)
    target.made(f"approvals/{made['id']}/decide", {"decision": "approve"}, "eng2")
    assert target.plant.act.settle()
    row = next(one for one in target.ask("GET", "writes", "eng").json()["items"] if one["id"] == made["id"])
    assert (row["outcome"], "locked out" in row["why"]) == ("failed", True)
    target.made(f"work-orders/{order['id']}/permits/{permit['id']}/release", {}, "tec")


def test_verifying_the_return_to_service_under_lock_out(target: Target, attempt, order):
    permit = lock(target, order)
    with attempt() as tried:
        tried.no(target.post(f"work-orders/{order['id']}/start", {}, "tec"), 409)
    target.made(f"work-orders/{order['id']}/permits/{permit['id']}/apply", {"points": ["Q1"]}, "tec")
    target.made(f"work-orders/{order['id']}/start", {}, "tec")
    target.made(f"work-orders/{order['id']}/done", {}, "tec")
    with attempt() as tried:
        tried.no(target.post(f"work-orders/{order['id']}/verify", {}, "tec"), 409)
    target.made(f"work-orders/{order['id']}/permits/{permit['id']}/release", {}, "tec")


def test_ordering_and_receiving_what_nobody_approved(target: Target, attempt):
    made = target.made("purchases", {"part": "BRG-6205", "quantity": 3}, "anna")
    with attempt() as tried:
        tried.no(target.post(f"purchases/{made['id']}/retry", {}, "anna"), 409)
    with attempt() as tried:
        tried.no(target.post(f"purchases/{made['id']}/receive", {}, "anna"), 409)


def test_forged_messages_of_another_system(target: Target, attempt):
    files = {"file": ("x.xml", b"<JobResponse><JobOrderID>WO-000001</JobOrderID><JobState>Completed</JobState></JobResponse>")}
    with attempt() as tried:
        tried.no(target.ask("POST", "import/b2mml", None, files=files), 401)
    with attempt() as tried:
        tried.no(target.ask("POST", "import/b2mml", "view", files=files), 403)
    with attempt() as tried:
        signed = {"Webhook-Id": "1", "Webhook-Timestamp": "1", "Webhook-Signature": "v1,AAAA"}
        tried.no(target.post("webhooks/board", {"type": "org.lineshaft.order.close"}, None, headers=signed), 401, 404, 405)


def test_a_body_that_is_too_large(target: Target, attempt):
    with attempt() as tried:
        tried.no(target.post("work-orders", {"asset": OVEN, "title": "x" * (2 << 20)}, "tec"), 413)


def test_shutting_everybody_out(target: Target, attempt):
    with attempt() as tried:
        tried.no(target.post("permissions", {"who": "role:admin", "tables": "users"}, "boss"), 422)


@pytest.mark.parametrize(
    ("headers", "first"),
    [
        ({"Authorization": "Bearer lst_forged"}, {}),
        ({"Cookie": "lineshaft_session=lss_forged"}, {}),
        ({"Cookie": "lineshaft_session=BOSS", "Origin": "https://evil.example"}, {}),
        ({}, {"token": "lst_forged", "subscribe": {"assets": ["Bakery"]}}),
    ],
)
def test_listening_to_the_live_stream_as_nobody(target: Target, attempt, headers, first):
    url = str(target.http.base_url).replace("http", "ws").rstrip("/") + "/api/v1/stream"
    said = {name: value.replace("BOSS", target.keys["boss"]) for name, value in headers.items()}
    with attempt() as tried, connect(url, additional_headers=said) as socket:
        if first:
            socket.send(json.dumps(first))
        problem = json.loads(socket.recv(timeout=20))["problem"]
        tried.answers.append(f"stream {problem['code']}")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=20)
