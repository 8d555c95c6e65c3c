"""Process definitions a plant engineer can read: YAML, versioned, checked with line numbers and the nearest known name.

A case keeps the definition it was opened with: editing the file changes cases to come, never open ones.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import ConfigDict, Field, ValidationError, field_validator

from lineshaft.act.expression import Expression
from lineshaft.act.matrix import LEVELS
from lineshaft.core import (
    ConfigError,
    FormulaError,
    InvalidInput,
    Marked,
    Problem,
    Section,
    did_you_mean,
    fit,
    parse_duration,
    read_marked,
)
from lineshaft.guard import Role

EVENT_NAMES = (
    "event", "asset", "asset_name", "name", "kind", "failure_mode", "priority", "value", "limit", "unit", "property",
    "score", "sensors", "evidence", "process", "at", "lot", "reason", "requested_by",
    "part", "available", "minimum", "target", "order_number", "order_line", "product", "quantity", "remaining", "due",
    "ready", "late_h",
)  # fmt: skip
"""What an expression knows of the event that opened the case."""

Duration = str | float
_MEASURED = r"^$|^cases$|^hours-to:[a-z][a-z0-9_]*$|^share-of:[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"
COMPENSATIONS = ("work-order.cancel", "purchase.withdraw")
"""What can take a task back when its case is given up (`act/undo.py` does it)."""


class Escalation(Section):
    """Whom to tell when a task stays open."""

    after: Duration
    to: str


class Start(Section):
    """What opens a case: an alarm naming the process, a finding, somebody's request, a part that is low, a delivery at risk."""

    event: Literal["alarm", "finding", "request", "spare", "delivery"]
    when: str = ""


class Step(Section):
    """One step of how it was done before."""

    step: str = Field(min_length=1, max_length=200)
    who: str = Field(default="", max_length=80)
    takes: Duration | None = None


class Kpi(Section):
    """The figure a process exists for: what it was before, what it shall be, and how it is measured from the cases."""

    name: str = Field(min_length=1, max_length=120)
    unit: str = ""
    baseline: float | None = None
    target: float | None = None
    measured: str = Field(default="", pattern=_MEASURED)
    source: str = Field(default="", max_length=200)


class Need(Section):
    """A tag a process cannot do without: a property by its name at the case's asset, or by its whole path."""

    property: str = Field(min_length=1, max_length=500)
    fresh: Duration = "15m"


class Task(Section):
    """One task: what it does, how complex and risky it is, whose it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: str = Field(min_length=1, max_length=80, pattern=r"^[a-z][a-z0-9_]*$")
    does: str
    title: str = ""
    when: str = ""
    complexity: str = "low"
    risk: str = "low"
    physical: bool = False
    takes: list[str] = Field(default_factory=list)
    gives: str = ""
    compensation: str = ""
    role: str = ""
    after: list[str] | None = None
    blocks: bool = True
    due: Duration | None = None
    expires: Duration | None = None
    escalate: Escalation | None = None
    options: dict[str, Any] = Field(default_factory=dict, alias="with")

    @property
    def a_persons(self) -> bool:
        """True for what a person does whatever the matrix says: work with the hands, and what a person answers for."""
        return self.physical or self.does == "person.do"


class Process(Section):
    """A process: what opens a case, its tasks, and the figure it exists for."""

    process: str = Field(min_length=1, max_length=80)
    version: int = Field(ge=1)
    title: str = ""
    owner: str = ""
    kpi: Kpi | None = None
    before: str | list[Step] = ""
    needs: list[Need] = Field(default_factory=list[Need])
    start: list[Start] = Field(min_length=1)
    one_open_case_per: str = "{asset}/{failure_mode}"
    tasks: list[Task] = Field(min_length=1)

    @field_validator("needs", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        """Take a bare name for a need."""
        if not isinstance(value, list):
            return value
        return [{"property": one} if isinstance(one, str) else one for one in cast("list[object]", value)]

    def plain(self) -> dict[str, Any]:
        """Return the definition as data: what a case keeps."""
        return self.model_dump(by_alias=True, exclude_defaults=True) | {"version": self.version}


def read_process(path: Path, actions: Collection[str]) -> Process:
    """Read one definition. Raises ConfigError with the file and line of the first thing that is wrong."""
    process, problems = look_at(path, actions)
    if process is None or problems:
        first = problems[0]
        raise ConfigError(first.what, where=first.where, hint=first.hint, code="process.invalid")
    return process


def look_at(path: Path, actions: Collection[str]) -> tuple[Process | None, list[Problem]]:
    """Read one definition with everything that is wrong in it, each with its line."""
    document = read_marked(path, path.name)
    process, problems = fit(document, Process, document.data)
    return process, problems if process is None else check(process, document, actions)


def thaw(definition: dict[str, Any]) -> Process:
    """Return the definition a case was opened with; what is only shown (its figure, how it was before) cannot break it."""
    moving = {name: value for name, value in definition.items() if name not in ("kpi", "before", "needs")}
    try:
        return Process.model_validate(moving)
    except ValidationError as error:
        raise ConfigError(f"this case's definition cannot be read: {error}", code="process.invalid") from None


def check(process: Process, document: Marked, actions: Collection[str]) -> list[Problem]:
    """Return what the model cannot see: names, expressions, durations, the order of tasks."""
    problems: list[Problem] = []
    known: list[str] = list(EVENT_NAMES)
    _expressions(problems, document, ("start",), [(("start", n, "when"), s.when) for n, s in enumerate(process.start)], known)
    before: list[str] = []
    for number, task in enumerate(process.tasks):
        at = ("tasks", number)
        if task.id in before:
            problems.append(Problem(document.where(*at, "id"), f"there are two tasks '{task.id}'", "give one another id"))
        if task.does not in actions:
            what = f"task '{task.id}': nothing is called '{task.does}'"
            problems.append(Problem(document.where(*at, "does"), what, did_you_mean(task.does, actions)))
        for other in task.after or ():
            if other not in before:
                what = f"task '{task.id}' comes after '{other}', which is no task before it"
                problems.append(Problem(document.where(*at, "after"), what, did_you_mean(other, before)))
        said = [((*at, "when"), task.when)]
        said += [
            ((*at, name), text) for name, text in (("complexity", task.complexity), ("risk", task.risk)) if text not in LEVELS
        ]
        _expressions(problems, document, at, said, [*known, "proposal"])
        _durations(problems, document, at, task)
        before.append(task.id)
        _names(problems, document, at, task, known)
        if task.gives:
            known.append(task.gives)
    _measured(problems, document, process)
    return problems


def _names(problems: list[Problem], document: Marked, at: tuple[Any, ...], task: Task, known: list[str]) -> None:
    """See that what a task takes is given before it, and that what takes it back and whose it is are known."""
    for name in task.takes:
        if name not in known:
            what = f"task '{task.id}' takes '{name}', which nothing before it gives"
            problems.append(Problem(document.where(*at, "takes"), what, did_you_mean(name, known)))
    if task.compensation and task.compensation not in COMPENSATIONS:
        what = f"task '{task.id}': no compensation is called '{task.compensation}'"
        hint = did_you_mean(task.compensation, COMPENSATIONS)
        problems.append(Problem(document.where(*at, "compensation"), what, hint))
    roles = [role.value for role in Role]
    for place, role in (("role", task.role), ("escalate", task.escalate.to if task.escalate else "")):
        if role and role not in roles:
            what = f"task '{task.id}': there is no role '{role}'"
            problems.append(Problem(document.where(*at, place), what, did_you_mean(role, roles)))


def _measured(problems: list[Problem], document: Marked, process: Process) -> None:
    """See that the figure is measured at something there is."""
    kind, _, of = (process.kpi.measured if process.kpi else "").partition(":")
    there = [task.id for task in process.tasks] if kind == "hours-to" else [task.gives for task in process.tasks if task.gives]
    if of and of.partition(".")[0] not in there:
        what = f"the KPI is measured at '{of}', and no task is or gives that"
        problems.append(Problem(document.where("kpi", "measured"), what, did_you_mean(of.partition(".")[0], there)))


def _expressions(
    problems: list[Problem], document: Marked, _at: tuple[Any, ...], said: list[tuple[Any, str]], known: list[str]
) -> None:
    for place, text in said:
        if not text:
            continue
        try:
            Expression(text, known)
        except FormulaError as error:
            problems.append(Problem(document.where(*place), f"{place[-1]}: {error.what}", error.hint))


def _durations(problems: list[Problem], document: Marked, at: tuple[Any, ...], task: Task) -> None:
    said: dict[str, Duration | None] = {"due": task.due, "expires": task.expires}
    if task.escalate:
        said["escalate"] = task.escalate.after
    if "hold" in task.options:
        said["with"] = task.options["hold"]
    for name, text in said.items():
        if text is None:
            continue
        try:
            parse_duration(text)
        except InvalidInput as error:
            problems.append(Problem(document.where(*at, name), f"task '{task.id}': {error.what}", error.hint))


class Processes:
    """The definitions in use: the built-in ones and those of the plant, which win by name."""

    def __init__(self, folders: Collection[Path], actions: Collection[str]) -> None:
        self._folders, self._actions = tuple(folders), tuple(actions)
        self.problems: list[Problem] = []
        self.known: dict[str, Process] = {}

    def reload(self) -> list[Problem]:
        """Read all files; a wrong one is reported and stops no other (its last good version stays in use)."""
        found: dict[str, Process] = {}
        self.problems = []
        for folder in self._folders:
            for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
                try:
                    process = read_process(path, self._actions)
                except ConfigError as error:
                    self.problems.append(Problem(error.where, error.what, error.hint))
                    continue
                found[process.process] = process
        self.known = {**(self.known if self.problems else {}), **found}
        return self.problems

    def for_event(self, names: dict[str, Any]) -> list[Process]:
        """Return the processes that an event opens a case of."""
        return [process for process in self.known.values() if _opens(process, names)]


def _opens(process: Process, names: dict[str, Any]) -> bool:
    for start in process.start:
        if start.event != names["event"] or (start.event == "alarm" and names.get("process") != process.process):
            continue
        if names.get("process") not in (None, "", process.process):
            continue
        if not start.when or Expression(start.when).value(names):
            return True
    return False
