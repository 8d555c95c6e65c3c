"""Tasks a person does and answers for: `does: person.do` waits until somebody of the task's role says how it went.

The answers a definition offers are the only ones there are; what was answered is what the task gives, so `when` of a later
task can ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.job import Action, Job, Look, Settled, WaitAction
from lineshaft.act.process import Process, Task
from lineshaft.act.tables import cases, tasks
from lineshaft.core import Conflict, Forbidden, InvalidInput, NotFound, bump, did_you_mean
from lineshaft.guard import Role, Subject

PERSON_DO = "person.do"
DONE = "done"


def answers_of(task: Task) -> list[str]:
    """Return the answers a task offers; without any it is simply done."""
    return [str(one) for one in task.options.get("answers", [DONE])]


def answer(
    tx: Connection, case: Mapping[str, Any], process: Process, name: str, said: Mapping[str, Any], by: Subject
) -> dict[str, Any]:
    """Note a person's answer to an open task: `answer` and `note`; return the task's new version.

    Raises Forbidden for another role than the task's, InvalidInput for an answer not offered, Conflict when it is too late.
    """
    task = next((one for one in process.tasks if one.id == name), None)
    if task is None or task.does != PERSON_DO:
        what = f"{case['number']} has no task '{name}' that a person answers"
        mine = [one.id for one in process.tasks if one.does == PERSON_DO]
        raise NotFound(what, hint=did_you_mean(name, mine), code="cases.task")
    if by.kind not in ("person", "token"):
        raise Forbidden(f"a {by.kind} cannot answer for a person", hint="a person must", code="cases.person")
    if task.role and not _is_of(by, task.role):
        raise Forbidden(f"'{task.title or name}' is a {task.role}'s", hint=f"ask a {task.role}", code="cases.role")
    offered = answers_of(task)
    if said["answer"] not in offered:
        hint = f"the answers are: {', '.join(offered)}"
        raise InvalidInput(f"'{said['answer']}' is no answer here", where="answer", hint=hint, code="cases.answer")
    row = (
        tx.execute(sa.select(tasks).where(tasks.c.case_id == case["id"], tasks.c.name == name).with_for_update())
        .mappings()
        .first()
    )
    if row is None or row["state"] != "open" or case["state"] != "open" or row["output"]:
        raise Conflict(f"'{task.title or name}' does not wait for an answer", hint="read the case again", code="cases.step")
    output = {"answer": said["answer"], "note": str(said.get("note") or ""), "by": by.id}
    version = bump(tx, tasks, row["id"], row["version"], output=output)
    return {"case_id": case["id"], "task": name, "version": version, **output}


def locked(tx: Connection, case_id: str) -> dict[str, Any]:
    """Return a case by id or number, locked until the end of the transaction. Raises NotFound."""
    query = sa.select(cases).where(sa.or_(cases.c.id == case_id, cases.c.number == case_id)).with_for_update()
    row = tx.execute(query).mappings().first()
    if row is None:
        raise NotFound(f"there is no case {case_id}", code="cases.unknown")
    return dict(row)


def _is_of(by: Subject, role: str) -> bool:
    """Say whether somebody has a role, or one above it."""
    ladder = [one.value for one in Role]
    return role in ladder and any(ladder.index(one.value) >= ladder.index(role) for one in by.roles)


def _answered(_tx: Connection, job: Job) -> Look:
    said: Mapping[str, Any] = (job.row or {}).get("output") or {}
    if not said:
        return None
    return Settled("done", str(said["by"]), {"answer": said["answer"], "note": said["note"]})


PERSON_ACTIONS: dict[str, Action] = {PERSON_DO: WaitAction(Subject.rule("foreman"), "cases.task", _answered)}
