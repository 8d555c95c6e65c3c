"""The checklist of an order: steps a technician ticks off: pass/fail, a number with limits, a photograph, a signature."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import Conflict, Forbidden, InvalidInput, NotFound, bump, new_id, now_ns
from lineshaft.guard import Subject
from lineshaft.maintain.tables import steps

KINDS = ("check", "number", "photo", "signature")


def write_steps(tx: Connection, order_id: str, checklist: Sequence[Mapping[str, Any]]) -> None:
    """Put the steps of a new order: `{text, kind, lower?, upper?, unit?, image?, warning?}`."""
    for position, step in enumerate(checklist, start=1):
        kind = str(step.get("kind", "check"))
        if kind not in KINDS:
            raise InvalidInput(f"a step of kind '{kind}'", where=f"step {position}", hint=f"known are: {', '.join(KINDS)}")
        tx.execute(
            steps.insert().values(
                id=new_id(),
                version=1,
                order_id=order_id,
                position=position,
                text=str(step["text"]),
                kind=kind,
                lower=step.get("lower"),
                upper=step.get("upper"),
                unit=str(step.get("unit", "")),
                image=step.get("image"),
                warning=step.get("warning") or None,
            )
        )


def judge(kind: str, result: object, lower: float | None, upper: float | None) -> bool:
    """Say whether a result passes its step.

    >>> judge("number", 2.3, None, 2.8), judge("check", False, None, None)
    (True, False)
    """
    if kind == "check":
        if isinstance(result, bool):
            return result
        if result in ("pass", "fail"):
            return result == "pass"
        raise InvalidInput(
            "this step is answered with pass or fail", hint="send true, false, 'pass' or 'fail'", code="step.result"
        )
    if kind in ("photo", "signature"):
        if isinstance(result, str) and result.strip():
            return True
        what = "the id of a photograph" if kind == "photo" else "the name of whoever signs"
        raise InvalidInput(f"this step is answered with {what}", code="step.result")
    if isinstance(result, bool) or not isinstance(result, int | float) or not math.isfinite(result):
        raise InvalidInput("this step is answered with a number", code="step.result")
    return (lower is None or result >= lower) and (upper is None or result <= upper)


def answer(
    tx: Connection, order_id: str, step_id: str, result: object, by: Subject, version: int | None = None
) -> dict[str, Any]:
    """Write one step's result; answering again replaces it (the audit keeps both).

    Who saw an older answer (`version` of the step) does not overwrite another one; the same answer twice is one answer.
    """
    row = tx.execute(sa.select(steps).where(steps.c.id == step_id, steps.c.order_id == order_id)).mappings().first()
    if row is None:
        raise NotFound(f"this order has no step {step_id}", code="step.unknown")
    passed = judge(row["kind"], result, row["lower"], row["upper"])
    if row["kind"] == "signature" and by.kind not in {"person", "token"}:
        raise Forbidden("only a person signs", code="step.signature")
    if row["done_at"] is not None and row["result"] == result:
        return {"id": step_id, "result": result, "passed": passed, "same": True}
    if version is not None and version != row["version"]:
        raise Conflict(
            f"'{row['text']}' was answered meanwhile",
            hint="read the order again; send your answer with the version of the step if it is still right",
            code="step.conflict",
            details={"step": step_id, "result": row["result"], "done_by": row["done_by"], "version": row["version"]},
        )
    bump(tx, steps, step_id, version, result=result, passed=passed, done_by=by.id, done_at=now_ns())
    return {"id": step_id, "result": result, "passed": passed, "same": False}


def refuse_open_steps(tx: Connection, order_id: str) -> None:
    """Raise Conflict while a step has no answer: done means every step was looked at."""
    query = sa.select(steps.c.text).where(steps.c.order_id == order_id, steps.c.done_at.is_(None)).order_by(steps.c.position)
    texts = [row.text for row in tx.execute(query)]
    if texts:
        raise Conflict(
            f"{len(texts)} checklist step(s) have no answer, the first is '{texts[0]}'",
            hint="answer every step, then report the work done",
            code="work-orders.checklist-open",
        )


def read_steps(tx: Connection, order_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the steps of several orders, as the doors show them."""
    found: dict[str, list[dict[str, Any]]] = {order_id: [] for order_id in order_ids}
    query = sa.select(steps).where(steps.c.order_id.in_(list(order_ids))).order_by(steps.c.position)
    for row in tx.execute(query).mappings():
        limits = {"lower": row["lower"], "upper": row["upper"], "unit": row["unit"]} if row["kind"] == "number" else None
        found[row["order_id"]].append(
            {
                "id": row["id"],
                "text": row["text"],
                "kind": row["kind"],
                "limits": limits,
                "result": row["result"],
                "passed": row["passed"],
                "done_by": row["done_by"],
                "done_at": row["done_at"],
                "version": row["version"],
                "image": row["image"],
                "warning": row["warning"],
            }
        )
    return found
