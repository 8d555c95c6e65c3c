"""What a task can do (`does:`): the words a process definition is written in.

Rules act under their own names (`rule:triage`), never under a person's; what they do passes the same gate as anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.cause import CAUSE_ACTIONS
from lineshaft.act.hold import HOLD_ACTIONS
from lineshaft.act.job import Action, Job, Look, Rooms, RuleAction, Settled, WaitAction, Wake
from lineshaft.act.person import PERSON_ACTIONS
from lineshaft.act.readymade import readymade
from lineshaft.act.report import REPORT_ACTIONS
from lineshaft.act.tables import notes
from lineshaft.core import LineshaftError, now_ns, parse_duration
from lineshaft.guard import Subject
from lineshaft.maintain import LISTS

_TIME_TO_ACT = {1: "4h", 2: "24h", 3: "72h", 4: "7d", 5: "30d"}
"""Due from urgency; a plant sets its own in the triage task's `with: {due: {1: 2h}}`."""

DONE = ("done", "verified", "closed")
GIVEN_UP = ("cancelled", "rejected")


def _triage(_tx: Connection, job: Job) -> dict[str, Any]:
    """Judge urgency from the alarm's priority or the finding's score."""
    score = job.names.get("score")
    by_score = 2 if isinstance(score, int | float) and score >= 0.9 else 3
    priority = int(job.names.get("priority") or by_score)
    due: Mapping[Any, str] = job.task.options.get("due", {})
    return {
        "priority": priority,
        "kind": "corrective" if job.names.get("event") == "alarm" else "predictive",
        "failure_mode": job.names.get("failure_mode") or "",
        "due": now_ns() + parse_duration(due.get(priority, _TIME_TO_ACT.get(priority, "72h"))),
    }


def _order_draft(_tx: Connection, job: Job) -> dict[str, Any]:
    judged: Mapping[str, Any] = job.names.get("triage") or {}
    mode = str(judged.get("failure_mode") or job.names.get("failure_mode") or "")
    return {
        "asset": job.case["asset"],
        "title": job.case["title"],
        "kind": judged.get("kind", "corrective"),
        "priority": judged.get("priority", 3),
        "due": judged.get("due"),
        "failure_mode": mode if mode in LISTS["mode"] else "",
        "note": "",
    }


def _order(tx: Connection, job: Job, proposal: Mapping[str, Any]) -> dict[str, Any]:
    kind, _, source = str(job.case["source_id"]).partition(":")
    evidence = {**(job.names.get("evidence") or {}), "score": job.names.get("score"), "sensors": job.names.get("sensors")}
    draft = {name: value for name, value in proposal.items() if name != "note"}
    said = f"opened by {job.case['number']}" + (f": {proposal['note']}" if proposal.get("note") else "")
    made = job.rooms.orders.create(
        tx,
        _ORDERER,
        **draft,
        state="triaged",
        source=(kind, source),
        score=job.names.get("score"),
        sensors=job.names.get("sensors") or (),
        evidence={key: value for key, value in evidence.items() if value is not None},
        case_id=job.case["id"],
        checklist=job.task.options.get("checklist", []),
        note=said,
        merge=True,
    )
    joined = sa.select(notes.c.source_id, notes.c.text).where(notes.c.case_id == job.case["id"], notes.c.source_id.is_not(None))
    for row in list(tx.execute(joined.order_by(notes.c.at, notes.c.id))):  # what came before there was an order
        kind, _, source = row.source_id.partition(":")
        job.rooms.orders.merge(tx, made["id"], _ORDERER, (kind, source), note=row.text)
    return {"id": made["id"], "number": made["number"], "work_order_id": made["id"]}


def _parts_needed(tx: Connection, job: Job) -> dict[str, Any]:
    spares = job.rooms.spares
    needed = spares.needed_for(job.case["asset"], str(job.names.get("failure_mode") or ""), tx)
    return {"parts": [{**one, "available": spares.get(one["part"], tx)["available"]} for one in needed]}


def _reserve(tx: Connection, job: Job, proposal: Mapping[str, Any]) -> dict[str, Any]:
    """Set aside what is there; what is missing, or now below its minimum, is to be bought."""
    parts: list[dict[str, Any]] = []
    for one in proposal["parts"]:
        available = job.rooms.spares.get(one["part"], tx)["available"]
        amount = min(one["quantity"], available)
        if amount > 0:
            job.rooms.spares.reserve(tx, job.order_id, one["part"], amount, _STOREKEEPER)
        outlook = job.rooms.spares.outlook(one["part"], tx)
        missing = round(one["quantity"] - amount, 3)
        short = max(outlook["short"], missing if outlook["on_the_way"] < missing else 0.0)
        parts.append({**outlook, "reserved": amount, "missing": missing, "short": short})
    low = [one for one in parts if one["short"] > 0]
    return {"parts": parts, "low": bool(low), "buy": low}


def _purchase(tx: Connection, job: Job) -> dict[str, Any]:
    """Propose every part that fell below its minimum, in one proposal: one part in its own fields, more of them in lines."""
    stock: Mapping[str, Any] = job.names.get("stock") or {}
    found: Any = stock.get("buy") or []
    wanted: list[Mapping[str, Any]] = [found] if isinstance(found, dict) else found  # one alone: a case of an older version
    reason = f"{job.case['number']}: below minimum"
    made = [
        job.rooms.purchases.propose(tx, one["part"], one["short"], _REPLENISHER, case_id=job.case["id"], reason=reason)
        for one in wanted
    ]
    names = ("part", "name", "quantity", "unit_cost", "cost", "number")
    lines = [{**{name: one[name] for name in names}, "purchase_id": one["id"]} for one in made]
    if not lines:
        return {"part": None, "cost": 0.0}
    if len(lines) == 1:
        return lines[0]
    return {"part": ", ".join(str(one["part"]) for one in lines), "cost": _sum(lines), "lines": lines}


def _sum(lines: Sequence[Mapping[str, Any]]) -> float:
    return round(sum(float(one["cost"]) for one in lines), 2)


def _lines(proposal: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a proposal's purchases, one or several."""
    return proposal.get("lines") or ([proposal] if proposal.get("purchase_id") else [])


def _purchase_carried(tx: Connection, job: Job, proposal: Mapping[str, Any]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for line in _lines(proposal):
        row = job.rooms.purchases.get(line["purchase_id"], tx)
        if row["state"] == "proposed":
            row = job.rooms.purchases.approve(tx, row["id"], Subject.rule("matrix"))
        rows.append(row)
    if not rows:
        return {"approved": False}
    bought = [row for row in rows if row["state"] != "rejected"]
    number = ", ".join(row["number"] for row in rows)
    ids = [row["id"] for row in bought]
    return {"approved": bool(bought), "purchase_id": rows[0]["id"], "purchases": ids, "number": number, "cost": _sum(rows)}


def purchase_decided(tx: Connection, rooms: Rooms, proposal: Mapping[str, Any], approved: bool, by: Subject) -> None:
    """Write a person's decision on every purchase of a proposal, with the quantities as they stand there by now."""
    for line in _lines(proposal):
        if approved and line["quantity"] > 0:
            rooms.purchases.approve(tx, line["purchase_id"], by, quantity=line["quantity"])
        else:
            rooms.purchases.reject(tx, line["purchase_id"], by)


def _bought(tx: Connection, job: Job) -> Look:
    """See whether the ERP has every purchase of the case; the buyer brings them there and tries until it has."""
    decided: Mapping[str, Any] = job.names["purchase"]
    ids: list[str] = decided.get("purchases") or [str(decided["purchase_id"])]
    rows = [job.rooms.purchases.get(one, tx) for one in ids]
    if any(row["state"] in ("proposed", "approved") for row in rows):
        return None
    number, reference = (", ".join(str(row[name]) for row in rows) for name in ("number", "reference"))
    return Settled("done", _REPLENISHER.id, {"number": number, "reference": reference})


def _repaired(tx: Connection, job: Job) -> Look:
    order = job.rooms.orders.get(job.order_id, tx)
    if order["state"] in DONE:
        return Settled("done", _who(order, "done"), {"order": order["number"]})
    return _given_up(order)


def _verified(tx: Connection, job: Job) -> Look:
    """See whether a person verified it, or the alarm's condition stayed away for a while after the work was done."""
    order = job.rooms.orders.get(job.order_id, tx)
    if order["state"] in ("verified", "closed"):
        return Settled("done", _who(order, "verify"), {"by": "a person"}, back_in_service=True)
    if order["state"] in GIVEN_UP:
        return _given_up(order)
    row = job.row or {}
    alarm_id = job.case["alarm_id"]
    if order["state"] != "done" or row.get("mode") != "automation" or not alarm_id:
        return None
    if not job.rooms.detect.is_normal(alarm_id, tx):
        return None
    if row.get("wake_at") is None:
        return Wake(now_ns() + parse_duration(job.task.options.get("hold", 0)))
    if now_ns() < row["wake_at"]:
        return Wake(row["wake_at"])
    found = {"by": "the alarm's condition", "property": job.names.get("property")}

    def verify(tx: Connection) -> object:
        return job.rooms.orders.verify(tx, job.order_id, _VERIFIER, note="back to normal")

    return Settled("done", _VERIFIER.id, found, verify, back_in_service=True)


def _closed(tx: Connection, job: Job) -> Look:
    """See whether a person closed it; close it at once where the codes were given when the work was reported done."""
    order = job.rooms.orders.get(job.order_id, tx)
    if order["state"] == "closed":
        return Settled("done", _who(order, "close"), {"codes": order["closing"]})
    if order["state"] != "verified":
        return _given_up(order)
    try:
        codes = job.rooms.orders.check_closing(tx, job.order_id, order["closing"])
    except LineshaftError:
        return None

    def close(tx: Connection) -> object:
        return job.rooms.orders.close(tx, job.order_id, _CLOSER)

    return Settled("done", _CLOSER.id, {"codes": codes}, close)


def _given_up(order: Mapping[str, Any]) -> Settled | None:
    if order["state"] not in GIVEN_UP:
        return None
    return Settled("cancelled", order["history"][-1]["by"], {"order": order["number"], "state": order["state"]})


def _who(order: Mapping[str, Any], what: str) -> str:
    return str(next((line["by"] for line in reversed(order["history"]) if line["what"] == what), ""))


def _as_is(_tx: Connection, _job: Job, proposal: Mapping[str, Any]) -> dict[str, Any]:
    return dict(proposal)


_TRIAGE = Subject.rule("triage")
_ORDERER = Subject.rule("work-orders")
_STOREKEEPER = Subject.rule("storekeeper")
_REPLENISHER = Subject.rule("replenisher")
_VERIFIER = Subject.rule("verifier")
_CLOSER = Subject.rule("closer")
_FOREMAN = Subject.rule("foreman")

ACTIONS: dict[str, Action] = {
    "triage.rule": RuleAction(_TRIAGE, "cases.task", _triage, _as_is),
    "work-order.create": RuleAction(_ORDERER, "work-orders.create", _order_draft, _order),
    "spares.reserve": RuleAction(_STOREKEEPER, "spares.reserve", _parts_needed, _reserve),
    "purchase.propose": RuleAction(_REPLENISHER, "purchases.propose", _purchase, _purchase_carried, purchase_decided, "cost"),
    "purchase.order": WaitAction(_REPLENISHER, "purchases.order", _bought),
    "work-order.repair": WaitAction(_FOREMAN, "cases.task", _repaired),
    "work-order.verify": WaitAction(_VERIFIER, "work-orders.verify", _verified),
    "work-order.close": WaitAction(_CLOSER, "work-orders.close", _closed),
    **CAUSE_ACTIONS,
    **HOLD_ACTIONS,
    **PERSON_ACTIONS,
    **REPORT_ACTIONS,
    **readymade(_purchase, _purchase_carried, purchase_decided),
}
