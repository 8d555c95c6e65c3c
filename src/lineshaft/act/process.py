"""Process definitions a plant engineer can read: YAML, versioned, checked with line numbers and the nearest known name.

A case keeps the definition it was opened with: editing the file changes cases to come, never open ones.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

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

EVENT_NAMES = (
    "event", "asset", "asset_name", "name", "kind", "failure_mode", "priority", "value", "limit", "unit", "property",
    "score", "sensors", "evidence", "process", "at", "lot", "reason", "requested_by",
)  # fmt: skip
"""What an expression knows of the event that opened the case."""

Duration = str | float


class Escalation(Section):
    """Whom to tell when a task stays open."""

    after: Duration
    to: str


class Start(Section):
    """What opens a case: an alarm whose definition names the process, a finding, or somebody who asks for it."""

    event: Literal["alarm", "finding", "request"]
    when: str = ""


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
    gives: str = ""
    role: str = ""
    after: list[str] | None = None
    blocks: bool = True
    due: Duration | None = None
    expires: Duration | None = None
    escalate: Escalation | None = None
    options: dict[str, Any] = Field(default_factory=dict, alias="with")


class Process(Section):
    """A process: what opens a case, its tasks, and the figure it exists for."""

    process: str = Field(min_length=1, max_length=80)
    version: int = Field(ge=1)
    title: str = ""
    owner: str = ""
    kpi: dict[str, Any] = Field(default_factory=dict)
    before: str = ""
    needs: list[str] = Field(default_factory=list)
    start: list[Start] = Field(min_length=1)
    one_open_case_per: str = "{asset}/{failure_mode}"
    tasks: list[Task] = Field(min_length=1)

    def plain(self) -> dict[str, Any]:
        """Return the definition as data: what a case keeps."""
        return self.model_dump(by_alias=True, exclude_defaults=True) | {"version": self.version}


def read_process(path: Path, actions: Collection[str]) -> Process:
    """Read one definition. Raises ConfigError with the file and line of the first thing that is wrong."""
    document = read_marked(path, path.name)
    process, problems = fit(document, Process, document.data)
    if process is not None:
        problems = check(process, document, actions)
    if process is None or problems:
        first = problems[0]
        raise ConfigError(first.what, where=first.where, hint=first.hint, code="process.invalid")
    return process


def thaw(definition: dict[str, Any]) -> Process:
    """Return the definition a case was opened with; what a later version no longer knows is left out."""
    try:
        return Process.model_validate(definition)
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
        if task.gives:
            known.append(task.gives)
    return problems


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
