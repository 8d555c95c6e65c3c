"""The tools of the MCP door: those of the plant's own agents, and a few more for programs that reckon for themselves.

Reading tools see what the agent may see; those that want something changed only lay it before the people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from pydantic import Field

from lineshaft.act import Arguments, Tool, Use
from lineshaft.core import NS, Forbidden, InvalidInput, iso, now_ns, parse_duration, parse_time
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Command, Sight, Subject

MOST_ROWS = 1_000
"""Rows of one answer, at most."""
MOST_WINDOWS = 2_000
QUALITIES = ("good", "uncertain", "bad")
NEEDS: Mapping[str, str] = {
    "sql": "sql.query",
    "propose_work_order": "work-orders.propose",
    "propose_purchase": "purchases.propose",
    "propose_machine_write": "writes.propose",
    "propose_label": "findings.propose",
}
"""The action of a tool, where it is another than to read."""


class Span(Arguments):
    """A property and a time."""

    property: str = Field(max_length=500, description="Path of the property.")
    start: str = Field(max_length=40, description="ISO 8601 with a zone.")
    end: str = Field(default="", max_length=40, description="ISO 8601 with a zone; empty is now.")


class Raw(Span):
    """Recorded values."""

    limit: int = Field(default=200, ge=1, le=MOST_ROWS)


class Windows(Span):
    """Values by windows of time."""

    window: str = Field(default="1m", max_length=20, description="Length of a window: 10s, 1m, 1h, 1d.")


class Latest(Arguments):
    """Properties by path."""

    properties: list[str] = Field(min_length=1, max_length=100)


class Figures(Arguments):
    """A machine or line and a time."""

    asset: str = Field(max_length=500)
    start: str = Field(max_length=40, description="ISO 8601 with a zone.")
    end: str = Field(default="", max_length=40, description="ISO 8601 with a zone; empty is now.")


class Sql(Arguments):
    """One question in SQL."""

    sql: str = Field(min_length=6, max_length=20_000, description="One SELECT; `SELECT * FROM tables` lists what there is.")
    limit: int = Field(default=200, ge=1, le=MOST_ROWS)


class WriteWanted(Arguments):
    """A value a machine should get."""

    property: str = Field(max_length=500)
    value: bool | int | float | str
    reason: str = Field(default="", max_length=1000)


class LabelWanted(Arguments):
    """What a finding turned out to be."""

    finding: str = Field(max_length=36, description="Id of the finding.")
    label: Literal["confirmed", "no_fault_found", "false_alarm", "neutral"]
    reason: str = Field(default="", max_length=1000)


def tools(rooms: Rooms) -> dict[str, Tool]:
    """Return every tool of this door by name."""
    return {**rooms.act.staff.tools, **{tool.name: tool for tool in (*_values(rooms), *_figures(rooms), *_proposals(rooms))}}


def offered(rooms: Rooms, subject: Subject, known: Mapping[str, Tool]) -> list[Tool]:
    """Return the tools an agent may use: those its register and its role give it."""
    patterns: list[str] = rooms.act.agency.register.get(subject.name)["tools"]
    mine = [tool for tool in known.values() if any(fnmatchcase(tool.name, pattern) for pattern in patterns)]
    place = subject.scope[0] if subject.scope else ""
    return [tool for tool in mine if rooms.guard.may(subject, NEEDS.get(tool.name, "read"), place)]


def use(rooms: Rooms, subject: Subject, known: Mapping[str, Tool], name: str, said: Mapping[str, Any], key: str) -> Any:
    """Use a tool as an agent: counted against its budget, gated, journalled; a tool there is not is a refusal on record."""
    tool = known.get(name)
    if tool is None:
        error = Forbidden(f"there is no tool '{name[:100]}'", hint="see tools/list", code="agent.tool")
        rooms.act.agency.note_refusal(subject, name[:100], {}, error)
        raise error
    return rooms.act.agency.call(subject, name, said, lambda: tool.use(Use(subject, key), said))


def _property(rooms: Rooms, subject: Subject, path: str, table: str = "samples") -> str:
    """Return a property's path if the agent may read it."""
    one = rooms.assets.property(path)
    rooms.guard.gate(subject, "read", one.path)
    if subject.sight(table) is Sight.HIDDEN or subject.sight(table, "value") or subject.sight("latest", "value"):
        raise Forbidden(f"{subject.name} does not see values", where=table, code="gate.veiled")
    return one.path


def _span(said: Any) -> tuple[int, int]:
    end = parse_time(said.end, where="end") if said.end else now_ns()
    start = parse_time(said.start, where="start")
    if start >= end:
        raise InvalidInput("the end is not after the start", where="end", code="time.span")
    return start, end


def _values(rooms: Rooms) -> tuple[Tool, ...]:
    def latest(use: Use, said: Latest) -> list[dict[str, Any]]:
        paths = [_property(rooms, use.subject, path, "latest") for path in said.properties]
        rows = zip(paths, rooms.store.latest(paths), strict=True)
        return [
            {
                "property": path,
                "value": last.value,
                "unit": last.unit,
                "quality": QUALITIES[int(last.quality)],
                "time": iso(last.ts),
            }
            for path, last in rows
            if last is not None
        ]

    def history(use: Use, said: Raw) -> dict[str, Any]:
        path, (start, end) = _property(rooms, use.subject, said.property), _span(said)
        table = rooms.store.history(path, start, end, limit=said.limit + 1)
        rows = [
            {"time": iso(_ns(row["ts"])), "value": row["value"], "quality": QUALITIES[int(row["q"])]} for row in table.to_pylist()
        ]
        return {"property": path, "rows": rows[: said.limit], "truncated": len(rows) > said.limit}

    def aggregates(use: Use, said: Windows) -> dict[str, Any]:
        path, (start, end), window = _property(rooms, use.subject, said.property), _span(said), parse_duration(said.window)
        if window < NS or (end - start) / window > MOST_WINDOWS:
            hint = f"at most {MOST_WINDOWS} windows at once, each a second or longer"
            raise InvalidInput("too many windows", where="window", hint=hint, code="mcp.windows")
        table = rooms.store.aggregates(path, window, start, end, ("avg", "min", "max"), partial=True)
        names = ("n", "avg", "min", "max")
        rows = [{"time": iso(_ns(row["ts"])), **{name: row[name] for name in names}} for row in table.to_pylist()]
        return {"property": path, "window": said.window, "rows": rows}

    return (
        Tool("latest", "The newest value of properties.", Latest, latest),
        Tool("history", "Recorded values of a property, oldest first, at most 1,000.", Raw, history),
        Tool("aggregates", "Count, mean, least and most of a property by windows of time, at most 2,000.", Windows, aggregates),
    )


def _figures(rooms: Rooms) -> tuple[Tool, ...]:
    def explained(use: Use, said: Figures) -> dict[str, Any]:
        asset = rooms.assets.asset(said.asset)
        rooms.guard.gate(use.subject, "read", asset.path)
        found = rooms.compute.oee(asset.path, *_span(said), explain=True)
        names = (
            "availability",
            "performance",
            "quality",
            "oee",
            "teep",
            "elements",
            "counts",
            "ideal_cycle_s",
            "model",
            "versions",
        )
        explain = list(found.explain or ())
        return {"asset": asset.path, **{name: getattr(found, name) for name in names}, "explain": explain[:MOST_ROWS]}

    def sql(use: Use, said: Sql) -> dict[str, Any]:
        place = use.subject.scope[0] if use.subject.scope else ""
        rooms.guard.perform(Command(use.subject, "sql.query", "sql", {"sql": said.sql[:2_000]}, None, place), lambda _tx: {})
        answer = rooms.store.sql.ask(said.sql, use.subject, said.limit).run()
        columns = [str(name) for name in answer.table.schema.names]
        return {"columns": columns, "rows": answer.table.to_pylist(), "truncated": answer.truncated}

    return (
        Tool("oee_explained", "OEE over a time with the intervals and counts it was made from.", Figures, explained),
        Tool("sql", "Answer one SELECT over values and the plant's tables; it reads only, and within limits.", Sql, sql),
    )


def _proposals(rooms: Rooms) -> tuple[Tool, ...]:
    def write(use: Use, said: WriteWanted) -> dict[str, Any]:
        one = rooms.assets.property(said.property)
        command = Command(use.subject, "writes.propose", f"property:{one.id}", said.model_dump(), use.key, one.asset_path)
        run: Callable[[Any], dict[str, Any]] = lambda tx: {  # noqa: E731 - it is one expression
            "proposal": rooms.act.propose_write(tx, one, said.value, use.subject, said.reason)["id"]
        }
        return {**rooms.guard.perform(command, run), "state": "waits for a person"}

    def label(use: Use, said: LabelWanted) -> dict[str, Any]:
        finding = rooms.detect.finding(said.finding)
        command = Command(
            use.subject, "findings.propose", f"finding:{finding['id']}", said.model_dump(), use.key, finding["asset"]
        )

        def run(tx: Any) -> dict[str, Any]:
            return {"proposal": rooms.act.propose_label(tx, finding, said.label, use.subject, said.reason)["id"]}

        return {**rooms.guard.perform(command, run), "state": "waits for a person"}

    nothing = "nothing is done before one approves."
    return (
        Tool("propose_machine_write", f"Lay a value for a machine before the people; {nothing}", WriteWanted, write, True),
        Tool("propose_label", f"Lay before the people what a finding turned out to be; {nothing}", LabelWanted, label, True),
    )


def _ns(moment: Any) -> int:
    """Return a moment of a table as UTC nanoseconds."""
    return int(moment.value) if hasattr(moment, "value") else int(moment)
