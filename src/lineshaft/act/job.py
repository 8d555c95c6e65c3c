"""What a task of a case works with: the case, the task's definition, the names known so far, and the rooms it may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from lineshaft.act.process import Task
from lineshaft.detect import Detect
from lineshaft.guard import Subject
from lineshaft.maintain import Orders, Purchases, Spares
from lineshaft.production import Production


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms that tasks act in."""

    orders: Orders
    spares: Spares
    purchases: Purchases
    detect: Detect
    production: Production | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One task of one case at work."""

    case: Mapping[str, Any]
    task: Task
    names: Mapping[str, Any]
    rooms: Rooms
    row: Mapping[str, Any] | None = None

    @property
    def order_id(self) -> str:
        """The case's work order."""
        return str(self.case["work_order_id"] or "")


@dataclass(frozen=True, slots=True)
class Settled:
    """A waiting task is over: how, by whom, with what result; `act` is what a rule still has to write."""

    state: str
    actor: str
    output: Mapping[str, Any] = field(default_factory=dict[str, Any])
    act: Callable[[Connection], object] | None = None
    back_in_service: bool = False


@dataclass(frozen=True, slots=True)
class Wake:
    """Look again at this moment."""

    at: int


Look = Settled | Wake | None


@dataclass(frozen=True, slots=True)
class RuleAction:
    """Something a rule can do: first as a proposal, which the matrix carries out at once or lays before a person."""

    rule: Subject
    verb: str
    propose: Callable[[Connection, Job], dict[str, Any]]
    carry: Callable[[Connection, Job, Mapping[str, Any]], dict[str, Any]]
    decided: Callable[[Connection, Rooms, Mapping[str, Any], bool, Subject], None] | None = None
    floor: str = ""
    """Risk no definition can talk down: `high`, or `cost` from the amount that may be spent unattended."""


@dataclass(frozen=True, slots=True)
class WaitAction:
    """Something that happens elsewhere (a person's work, a machine's return to normal); `look` says whether it has."""

    rule: Subject
    verb: str
    look: Callable[[Connection, Job], Look]


@dataclass(frozen=True, slots=True)
class OutsideAction:
    """Something done in another system: `send` may be repeated and does it once, `carry` notes what came back."""

    rule: Subject
    verb: str
    send: Callable[[Job], str]
    carry: Callable[[Connection, Job, str], dict[str, Any]]


class Agents(Protocol):
    """Whom a case hands an agent's task to."""

    def take(self, tx: Connection, job: Job, row: Mapping[str, Any]) -> tuple[bool, str, str]:
        """Say whether an agent takes a task, which one, and if it cannot, why not."""
        ...

    def ended(self, tx: Connection, run: Mapping[str, Any], state: str, **values: Any) -> bool:
        """Note how a run ended; false if it had ended before."""
        ...

    def alone(self, tx: Connection, case: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
        """Say whether the agent's proposal is carried out without asking this time."""
        ...


Action = RuleAction | WaitAction | OutsideAction
