"""ETL jobs as people write them: YAML files whose mistakes are told with file and line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from lineshaft.core import ConfigError, Problem, Section, did_you_mean, fit, parse_duration, read_marked
from lineshaft.store.etl.schedule import Schedule
from lineshaft.store.tablet import Mode

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}$")
_SIZES = {"MB": 1 << 20, "GB": 1 << 30}


class StepText(Section):
    """A step: one SELECT, or a Python file with the questions whose answers it gets; and the table it writes."""

    name: str
    sql: str = ""
    python: str = ""
    reads: dict[str, str] = Field(default_factory=dict[str, str])
    table: str
    mode: Mode = "replace"
    key: list[str] = Field(default_factory=list[str])
    partition: str = ""
    after: list[str] = Field(default_factory=list[str])
    description: str = ""
    units: dict[str, str] = Field(default_factory=dict[str, str])
    columns: dict[str, str] = Field(default_factory=dict[str, str])


class JobText(Section):
    """A job as it stands in its file."""

    job: str
    description: str = ""
    owner: str
    schedule: Schedule | None = None
    catch_up: Literal["once", "skip"] = "once"
    retries: int = Field(default=1, ge=0, le=10)
    retry_after: str = "30s"
    timeout: str = "5m"
    memory: str = "1GB"
    steps: list[StepText] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class PythonStep:
    """A file with `run(tables)`, and the questions it gets answers of."""

    file: Path
    reads: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step, ready to run."""

    name: str
    sql: str
    python: PythonStep | None
    text: StepText


@dataclass(frozen=True, slots=True)
class Job:
    """A job: its steps in the order they run; `version` is the hash of everything it is made of."""

    name: str
    version: str
    file: str
    text: JobText
    steps: tuple[Step, ...]

    @property
    def timeout_s(self) -> float:
        """How long a step may take."""
        return parse_duration(self.text.timeout) / 1e9

    @property
    def memory(self) -> int:
        """Bytes a Python step may use."""
        return memory_of(self.text.memory)


def memory_of(text: str) -> int:
    """Return a size as bytes.

    >>> memory_of("512MB")
    536870912
    """
    number, unit = text[:-2].strip(), text[-2:].upper()
    if not number.isdigit() or unit not in _SIZES:
        raise ConfigError(f"'{text}' is no size", hint="write 512MB or 2GB")
    return int(number) * _SIZES[unit]


def read_jobs(root: Path, taken: Iterable[str] = ()) -> tuple[dict[str, Job], list[Problem]]:
    """Read every job of a folder; a file that is wrong is told and stops no other. `taken` are names of other tables."""
    jobs: dict[str, Job] = {}
    problems: list[Problem] = []
    tables: dict[str, str] = dict.fromkeys(taken, "the plant")
    for path in sorted(root.glob("*.yaml")) if root.is_dir() else ():
        try:
            job, found = _read(path, tables)
        except ConfigError as error:
            problems.append(Problem(error.where, error.what, error.hint))
            continue
        problems += found
        if job is not None and job.name in jobs:
            problems.append(Problem(job.file, f"another job is called '{job.name}'", jobs[job.name].file))
        elif job is not None and not found:
            jobs[job.name] = job
            tables |= {step.text.table: f"the job {job.name}" for step in job.steps}
    return jobs, problems


def _read(path: Path, taken: dict[str, str]) -> tuple[Job | None, list[Problem]]:
    document = read_marked(path, f"etl/{path.name}")
    try:
        text, problems = fit(document, JobText, document.data)
    except ValidationError as error:  # pragma: no cover - fit tells them
        return None, [Problem(document.file, str(error))]
    if text is None:
        return None, problems
    digest, steps = hashlib.sha256(document.text.encode()), list[Step]()
    names = [one.name for one in text.steps]
    for number, one in enumerate(text.steps):
        where = document.where("steps", number)
        problems += [Problem(where, what, hint) for what, hint in _wrong(one, names[:number], taken)]
        file = path.parent / one.python
        if one.python and not (file.is_file() and file.resolve().is_relative_to(path.parent.resolve())):
            problems.append(Problem(where, f"there is no file {one.python} beside the job"))
        elif one.python:
            digest.update(file.read_bytes())
        python = PythonStep(file, tuple(one.reads.items())) if one.python else None
        steps.append(Step(one.name, one.sql, python, one))
    problems += _limits(text, document.file)
    if len(set(names)) < len(names):
        problems.append(Problem(document.file, "two steps have one name"))
    return Job(text.job, digest.hexdigest()[:12], document.file, text, tuple(_ordered(steps))), problems


def _wrong(one: StepText, before: Sequence[str], taken: dict[str, str]) -> Iterable[tuple[str, str]]:
    if bool(one.sql) == bool(one.python):
        yield "a step is either sql or python", ""
    if not NAME.match(one.table):
        yield f"'{one.table}' is no name of a table", "small letters, digits and _, beginning with a letter"
    if one.table in taken:
        yield f"the table '{one.table}' is written by {taken[one.table]}", "choose another name"
    if (one.mode == "upsert") != bool(one.key):
        yield "`key` goes with mode upsert, and upsert needs it", ""
    for name in one.after:
        if name not in before:
            yield f"there is no earlier step '{name}'", did_you_mean(name, before)


def _limits(text: JobText, where: str) -> Iterable[Problem]:
    if not text.owner.startswith(("user:", "token:")):
        yield Problem(where, f"'{text.owner}' is nobody", "the owner is user:NAME or token:NAME")
    try:
        memory_of(text.memory)
        parse_duration(text.timeout)
        parse_duration(text.retry_after)
    except Exception as error:  # noqa: BLE001 - told with the file's name
        yield Problem(where, str(error))


def _ordered(steps: Sequence[Step]) -> list[Step]:
    """Return steps in the order of the file: a step names only earlier ones in `after`."""
    return list(steps)
