"""Every command of the door, asked by every role: allowed, or refused with 403 and an audit row."""

from __future__ import annotations

import pytest

from lineshaft.guard import Role
from tests.doors.conftest import House

NOTHING = "00000000-0000-0000-0000-000000000000"
RECOMPUTE = {"paths": ["Bakery/Nowhere"], "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
BACKWARDS = {"start": "2026-11-20T07:00:00Z", "end": "2026-11-20T06:00:00Z"}

COMMANDS = [
    ("POST", "users", {"name": "", "password": "x", "roles": ["viewer"]}, "admin"),
    ("PATCH", f"users/{NOTHING}", {"disabled": True}, "admin"),
    ("POST", "tokens", {"name": "", "role": "viewer"}, "admin"),
    ("DELETE", f"tokens/{NOTHING}", None, "admin"),
    ("POST", "permissions", {"who": "role:admin", "tables": "purchases"}, "admin"),
    ("DELETE", f"permissions/{NOTHING}", None, "admin"),
    ("POST", "edges", {"name": "NO GOOD NAME"}, "engineer"),
    ("POST", "edges/NO-SUCH/revoke", {}, "engineer"),
    ("POST", "edges/NO-SUCH/configs", {"text": ""}, "engineer"),
    ("POST", "edges/NO-SUCH/configs/7/approve", None, "engineer"),
    ("POST", "edges/NO-SUCH/configs/7/want", None, "engineer"),
    ("POST", "simulator/faults", {"fault": "pump", "active": False}, "engineer"),
    ("POST", "bindings", {"property": "Bakery/Line 1/Oven/Power", "source": "x", "tag": "y", "valid_from": "x"}, "engineer"),
    ("POST", "attributes", {"property": "Bakery/Line 1/Oven/IdealCycle", "value": "no number"}, "engineer"),
    ("POST", "certificates/nobody/accept", {"fingerprint": "00000000"}, "engineer"),
    ("DELETE", "certificates/nobody", None, "engineer"),
    ("POST", "devices", {"name": "no name"}, "engineer"),
    ("POST", "devices/nobody/secret", {}, "engineer"),
    ("DELETE", "devices/nobody", None, "engineer"),
    ("POST", "values", {"rows": []}, "operator"),
    ("PATCH", f"downtime/{NOTHING}", {"reason": "film change"}, "operator"),
    ("POST", "alarms/{alarm}/acknowledge", {"version": 99}, "operator"),
    ("POST", "alarms/{alarm}/shelve", {"until": "2020-01-01T00:00:00Z", "reason": "x"}, "operator"),
    ("POST", "alarms/{alarm}/unshelve", {}, "operator"),
    ("POST", "alarms/{alarm}/reset", {"version": 99}, "operator"),
    ("POST", "alarms/{alarm}/out-of-service", {"reason": " "}, "technician"),
    ("POST", "alarms/{alarm}/return-to-service", {}, "technician"),
    (
        "POST",
        "alarms/{alarm}/rationalisation",
        {"impact": "major", "respond_within": "5m", "cause": " ", "consequence": "x", "action": "x"},
        "engineer",
    ),
    ("POST", "findings", {"asset": "Bakery/Nowhere", "kind": "drift", "score": 0.5}, "engineer"),
    ("POST", f"findings/{NOTHING}/label", {"label": "confirmed"}, "engineer"),
    ("POST", "work-orders", {"asset": "Bakery/Line 1/Oven", "title": "x", "kind": "unknown"}, "technician"),
    *(
        ("POST", f"work-orders/{{order}}/{verb}", {"version": 99}, "technician")
        for verb in (
            *("triage", "reject", "plan", "wait", "assign", "start", "hold", "resume", "done", "reopen", "verify", "close"),
            "cancel",
        )
    ),
    ("POST", f"work-orders/{{order}}/checklist/{NOTHING}", {"result": True}, "technician"),
    ("POST", "work-orders/{order}/comments", {"text": " "}, "technician"),
    ("POST", "work-orders/{order}/labour", BACKWARDS, "technician"),
    ("POST", "work-orders/{order}/downtime", BACKWARDS, "technician"),
    ("POST", f"work-orders/{{order}}/downtime/{NOTHING}/end", {}, "technician"),
    ("POST", "work-orders/{order}/permits", {"kind": "lockout"}, "technician"),
    ("POST", f"work-orders/{{order}}/permits/{NOTHING}/apply", {}, "technician"),
    ("POST", f"work-orders/{{order}}/permits/{NOTHING}/release", {}, "technician"),
    ("POST", "work-orders/{order}/parts", {"part": "NO-SUCH", "quantity": 1}, "technician"),
    ("POST", "work-orders/{order}/attachments", {"document": NOTHING}, "technician"),
    ("POST", "work-orders/{order}/findings", {"source": {"type": "finding", "id": "x"}, "score": 7}, "technician"),
    ("POST", "work-orders/{order}/avoided", {"assumption": " "}, "technician"),
    ("POST", "technicians", {"login": "x", "skills": {"y": 9}}, "planner"),
    ("POST", "plans", {"plan": {"name": "x", "asset": "Bakery/Line 1/Oven", "trigger": {}}}, "planner"),
    ("POST", "plans/NO-SUCH/pause", {"paused": True}, "planner"),
    ("POST", "instructions", {"name": "x", "content": {}}, "planner"),
    ("POST", "codes", {"codes": [{"list": "x"}]}, "planner"),
    ("POST", "spares", {"part": " ", "name": "x", "on_hand": 1, "used_by": [{"asset": "x"}]}, "planner"),
    ("POST", "spares/NO-SUCH/count", {"counted": 1}, "planner"),
    ("POST", "spares/NO-SUCH/receive", {"quantity": 1}, "planner"),
    ("POST", "purchases", {"part": "NO-SUCH", "quantity": 1}, "planner"),
    ("POST", f"purchases/{NOTHING}/receive", {}, "planner"),
    ("POST", f"purchases/{NOTHING}/retry", {}, "planner"),
    ("POST", f"webhooks/deliveries/{NOTHING}/replay", {}, "engineer"),
    ("POST", "webhooks/NO-SUCH/test", {}, "engineer"),
    ("POST", "webhooks/NO-SUCH/check", None, "engineer"),
    ("POST", f"webhooks/deliveries/{NOTHING}/check", None, "engineer"),
    ("POST", "work-orders/check", {"asset": "Bakery/Line 1/Oven", "title": "Clean it"}, "technician"),
    ("POST", "work-orders/{order}/partner/check", None, "technician"),
    ("POST", "import/assets", None, "engineer"),
    ("POST", f"purchases/{NOTHING}/check", None, "planner"),
    ("POST", "import/parts", None, "planner"),
    ("POST", "import/orders", None, "technician"),
    ("POST", "import/b2mml", None, "technician"),
    ("POST", "cases/{case}/retry", None, "planner"),
    ("POST", "cases/{case}/cancel", {"reason": "no more", "version": 999}, "planner"),
    ("POST", f"cases/{{case}}/tasks/{NOTHING}/answer", {"answer": "done"}, "operator"),
    ("POST", f"approvals/{NOTHING}/decide", {"decision": "approve"}, "planner"),
    ("POST", "writes", {"property": "Bakery/Line 1/Oven/Speed", "value": "fast"}, "engineer"),
    ("POST", "cases", {"process": "quality-hold", "asset": "Bakery/Line 1", "lot": "NO-SUCH"}, "operator"),
    ("POST", "as-of", {"properties": ["Bakery/Line 1/Oven/Speed"], "at": "2026-01-01T00:00:00Z"}, "viewer"),
    ("POST", "latest", {"properties": ["Bakery/Line 1/Oven/Speed"]}, "viewer"),
    ("POST", "writes/check", {"property": "Bakery/Line 1/Oven/Speed", "value": 1}, "engineer"),
    ("POST", "production/orders", {"order": "X", "lines": [{"product": "NO-SUCH", "quantity": 1}]}, "planner"),
    ("POST", "production/lots", {"lot": "X", "parents": ["NO-SUCH"]}, "planner"),
    ("POST", "production/quality", {"check": "x", "lot": "NO-SUCH", "passed": True}, "operator"),
    ("POST", "production/orders/NO-SUCH/deliveries", {"quantity": 1}, "planner"),
    ("POST", "production/feeds/NO-SUCH/read", {}, "planner"),
    ("POST", "logbook", {"asset": "Bakery/Nowhere", "text": "x"}, "operator"),
    ("POST", f"logbook/{NOTHING}/correct", {"text": "x"}, "operator"),
    ("POST", "readings", {"property": "Bakery/Line 1/Oven/Temperature", "value": "hot"}, "operator"),
    ("POST", "documents", None, "technician"),
    ("POST", "images", None, "operator"),
    ("POST", "images/to/nobody", None, "operator"),
    ("DELETE", f"images/{NOTHING}", None, "engineer"),
    ("POST", "sql", {"sql": "SELECT * FROM no_such_table"}, "planner"),
    ("POST", "recompute/preview", RECOMPUTE, "engineer"),
    ("POST", "recompute", RECOMPUTE, "engineer"),
    ("POST", f"recompute/{NOTHING}/cancel", {}, "engineer"),
    ("POST", "etl/NO-SUCH/run", None, "engineer"),
    ("POST", f"etl/runs/{NOTHING}/cancel", None, "engineer"),
    ("POST", "store/flush", None, "engineer"),
    ("POST", "notifications/routes", {"who": "nobody"}, "planner"),
    ("PATCH", f"notifications/routes/{NOTHING}", {"who": "concerned"}, "planner"),
    ("DELETE", f"notifications/routes/{NOTHING}", None, "planner"),
    ("PATCH", "notifications/choice", {"language": "en"}, "viewer"),
    ("POST", "notifications/test", {"channel": "NO-SUCH"}, "operator"),
    ("POST", f"notifications/deliveries/{NOTHING}/again", {}, "planner"),
    ("POST", "imports", {"file": "x.csv", "size": 1, "timezone": "Nowhere/Atall"}, "engineer"),
    ("PUT", f"imports/{NOTHING}/content", {}, "engineer"),
    ("POST", f"imports/{NOTHING}/take", None, "engineer"),
    ("POST", f"imports/{NOTHING}/cancel", None, "engineer"),
    ("POST", "agents", {"name": "not a name", "job": "outside"}, "engineer"),
    ("PATCH", "agents/NO-SUCH", {"title": "x"}, "engineer"),
    ("POST", "agents/stop", {"why": "drill"}, "engineer"),
    ("POST", "agents/resume", None, "engineer"),
    ("POST", "agents/NO-SUCH/stop", {}, "engineer"),
    ("POST", "agents/NO-SUCH/resume", None, "engineer"),
    ("POST", "agents/NO-SUCH/token", None, "engineer"),
    ("POST", "agents/NO-SUCH/trust", {"process": "x", "task": "y"}, "engineer"),
    ("POST", "agents/NO-SUCH/ask", {"wanted": "a report"}, "operator"),
    ("POST", f"agent-runs/{NOTHING}/object", None, "planner"),
    ("POST", "assistant/ask", {"question": "why?", "asset": "Bakery/Line 1/Oven"}, "operator"),
    ("PATCH", "catalog/NO-SUCH", {"owner": "x"}, "engineer"),
    ("PATCH", "cost", {"version": 99}, "planner"),
    ("POST", "tiers/run", None, "planner"),
    ("POST", "sources", {"name": "x", "type": "NO-SUCH", "options": {}}, "engineer"),
    ("POST", "sources/test", {"name": "NO-SUCH"}, "engineer"),
    ("POST", "sources/browse", {"type": "NO-SUCH", "options": {}}, "engineer"),
    ("POST", "sources/browse/cancel", {"ticket": "none"}, "engineer"),
    ("PATCH", f"sources/{NOTHING}", {"paused": True}, "engineer"),
    ("DELETE", f"sources/{NOTHING}", None, "engineer"),
    ("POST", "discovery/look", {"network": "the hall", "protocols": ["modbus"]}, "engineer"),
    ("POST", "discovery/cancel", None, "engineer"),
    ("PATCH", f"discovery/systems/{NOTHING}", {"owner": "x"}, "engineer"),
    ("POST", f"discovery/systems/{NOTHING}/proposal", None, "engineer"),
    ("POST", "assets/adopt", {"text": "no model"}, "engineer"),
    ("POST", "condition/check", {"asset": "Bakery/Nowhere", "name": "x"}, "engineer"),
    ("POST", "condition/positions", {"asset": "Bakery/Nowhere", "name": "x"}, "engineer"),
    ("PATCH", f"condition/positions/{NOTHING}", {"changes": {"rpm": 1450}}, "engineer"),
    ("POST", f"condition/positions/{NOTHING}/take-off", None, "engineer"),
    ("POST", f"condition/positions/{NOTHING}/acknowledge", None, "technician"),
    ("POST", f"condition/positions/{NOTHING}/return", None, "technician"),
    ("POST", f"condition/positions/{NOTHING}/measure", None, "technician"),
    ("POST", "condition/positions/import", {"content": "no heading"}, "engineer"),
    ("POST", f"condition/positions/{NOTHING}/records?file=x.csv", None, "technician"),
    ("POST", "condition/channels?file=x.csv", None, "technician"),
    ("POST", "anomaly-models", {"asset": "Bakery/Nowhere"}, "engineer"),
    ("POST", "anomaly-models/look", {"asset": "Bakery/Line 1/Oven", "lookback": "1m"}, "engineer"),
    ("POST", "anomaly-fleets", {"name": "x", "under": "Bakery", "model": "NoSuch"}, "engineer"),
    ("POST", "anomaly-fleets/train", {"name": "no such"}, "engineer"),
    ("POST", "anomaly-labels", {"asset": "Bakery", **BACKWARDS}, "engineer"),
    ("DELETE", f"anomaly-labels/{NOTHING}", None, "engineer"),
    ("POST", "anomaly-labels/import", {"content": "yesterday,today", "asset": "Bakery"}, "engineer"),
    ("PATCH", f"anomaly-models/{NOTHING}", {"retrain": "30d"}, "engineer"),
    ("DELETE", f"anomaly-models/{NOTHING}", None, "engineer"),
    ("POST", f"anomaly-models/{NOTHING}/versions", None, "engineer"),
    ("POST", f"anomaly-models/{NOTHING}/train", None, "engineer"),
    ("POST", f"anomaly-models/{NOTHING}/cancel", None, "engineer"),
    ("POST", f"anomaly-models/{NOTHING}/use", {"number": 1, "mode": "active"}, "engineer"),
    ("POST", f"anomaly-models/{NOTHING}/back", None, "engineer"),
    ("POST", "life", {"assets": ["Bakery/Nowhere"]}, "engineer"),
    ("POST", f"life/{NOTHING}/train", None, "engineer"),
    ("POST", f"life/{NOTHING}/cancel", None, "engineer"),
    ("POST", f"life/{NOTHING}/use", {"number": 1}, "engineer"),
    ("POST", "models", {"name": "Not a Name"}, "engineer"),
    ("POST", "models/no-such/versions", {"kind": "onnx", "content": "eA=="}, "engineer"),
    ("POST", "models/no-such/mlflow", {"content": "eA=="}, "engineer"),
    ("POST", "models/no-such/stage", {"number": 1, "stage": "staging"}, "engineer"),
    ("POST", "models/no-such/predict", {"rows": [{"a": 1}]}, "operator"),
    ("POST", "models/no-such/scorers", {"property": "Bakery/x", "inputs": {}}, "engineer"),
    ("DELETE", f"models/no-such/scorers/{NOTHING}", None, "engineer"),
]
"""Each fails for a reason of its room when it is allowed, so that nothing changes; the role named is the lowest allowed."""


@pytest.fixture(scope="module")
def place(house: House) -> dict[str, str]:
    made = house.post("work-orders", {"asset": "Bakery/Line 1/Oven", "title": "matrix"}).json()
    alarm = house.shake_the_pump()
    return {"order": made["id"], "alarm": alarm["id"], "case": alarm["case_id"]}


def options(path: str, body: object) -> dict[str, object]:
    if path in ("images", "images/to/nobody"):
        return {"files": {"file": ("x.png", b"no picture")}, "data": {"asset": "Bakery/Line 1/Oven"}}
    if path == "documents" or path.startswith("import/"):
        return {"files": {"file": (" ", b"x")}}
    return {} if body is None else {"json": body}


@pytest.mark.parametrize("role", [role.value for role in Role])
@pytest.mark.parametrize(("method", "path", "body", "lowest"), COMMANDS, ids=[f"{m} {p}" for m, p, *_ in COMMANDS])
def test_each_role_may_what_its_table_says(house: House, place, method, path, body, lowest, role):
    ladder = [one.value for one in Role]
    answer = house.ask(method, path.format(**place), role, **options(path, body))
    if ladder.index(role) >= ladder.index(lowest):
        assert answer.status_code != 403, answer.text
        assert answer.status_code < 500, answer.text
    else:
        assert answer.status_code == 403, answer.text
        assert answer.json()["code"] == "gate.forbidden"
        row = house.rooms.guard.audit(limit=1)[0]
        assert row.outcome == "refused"


@pytest.mark.parametrize(("method", "path", "body", "lowest"), COMMANDS, ids=[f"{m} {p}" for m, p, *_ in COMMANDS])
def test_nobody_may_nothing(house: House, place, method, path, body, lowest):
    answer = house.ask(method, path.format(**place), None, **options(path, body))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_every_command_of_the_door_is_in_the_table(house: House):
    document = house.client.get("/api/openapi.json").json()
    known = {(m, "/api/v1/" + p) for m, p, *_ in COMMANDS}
    known |= {("POST", "/api/v1/login"), ("POST", "/api/v1/logout")}
    shaped = {(m, _shape(p)) for m, p in known}
    for path, operations in document["paths"].items():
        for method in operations:
            if method != "get":
                assert (method.upper(), _shape(path)) in shaped or path.endswith("/{verb}"), (method, path)


def _shape(path: str) -> str:
    for word in ("NO-SUCH", "no-such", "nobody"):
        path = path.replace(f"/{word}", f"/{NOTHING}")
    parts = path.partition("?")[0].split("/")
    return "/".join("*" if part == NOTHING or part.startswith("{") or part.isdigit() else part for part in parts)


@pytest.mark.parametrize(
    "path",
    [
        *("me", "health", "simulator", "assets", "assets/Bakery", "alarms", "findings", "work-orders", "spares", "purchases"),
        *(
            "cases",
            "approvals",
            "writes",
            "writes/targets",
            "tower",
            "production/orders",
            "production/lots",
            "production/quality",
            "documents",
            "ledger",
        ),
        *("technicians", "plans", "instructions", "codes", "lockouts", "maintenance/calendar", "maintenance/forecast"),
        *("maintenance/figures", "parts-used?asset=Bakery/Line 1", "spares/labels"),
        *("latest?property=Bakery/Line 1/Oven/Power", "history?property=Bakery/Line 1/Oven/Power", "audit", "users", "tokens"),
        *(
            "aggregates?property=Bakery/Line 1/Oven/Power",
            "oee?asset=Bakery/Line 1",
            "downtime?asset=Bakery/Line 1",
            "audit/verify",
            "catalog",
            "catalog/samples",
        ),
    ],
)
def test_nobody_reads_anything(house: House, path):
    assert house.ask("GET", path, None).status_code == 401
