"""What storage costs: sizes and growth per tier and table, the months to come, prices and the budget."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.core import Forbidden, iso, now_ns
from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.shape import Body, Moment, SeenVersion, Shape, Version
from lineshaft.guard import Sight, Subject
from lineshaft.store import Costs, cost_told

router = APIRouter(prefix="/cost", tags=["store"])
DAY = 86_400_000_000_000
TierName = Annotated[str, Field(examples=["local"], description="hot, local or object")]
Bytes = Annotated[int, Field(examples=[1_540_000_000])]
MaybeBytes = Annotated[int | None, Field(examples=[1_900_000_000], description="Null where growth was not measured.")]
Money = Annotated[float, Field(examples=[12.4])]
Price = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False, examples=[0.045])]
Budget = Annotated[float | None, Field(ge=0, le=1e15, allow_inf_nan=False, examples=[500])]
Sizes = Annotated[dict[str, int], Field(examples=[{"hot": 120_000_000, "local": 1_540_000_000, "object": 0}])]


class CostPace(Shape):
    """How values came in the time that was measured; null where there were too few to say."""

    rows_per_s: Annotated[float | None, Field(examples=[212.4])]
    bytes_per_row: Annotated[float | None, Field(examples=[3.5])]
    measured_s: Annotated[float, Field(examples=[604800])]
    rows: Annotated[int, Field(examples=[128_459_520])]


class CostTerms(Shape):
    """Prices of a GB (10^9 bytes) a month, and the budget; a limit that is null is none."""

    currency: Annotated[str, Field(examples=["EUR"])]
    prices: Annotated[dict[str, float], Field(examples=[{"hot": 0.08, "local": 0.045, "object": 0.023}])]
    budget_money: Budget
    budget_gb: Annotated[dict[str, float | None], Field(examples=[{"hot": None, "local": 500, "object": None}])]
    version: Version


class CostLine(Shape):
    """One table in one tier: its bytes now and in 1, 3 and 12 months, and what it costs a month now."""

    table: Annotated[str, Field(examples=["samples"])]
    tier: TierName
    rows: Annotated[int | None, Field(examples=[128_459_520])]
    now: Bytes
    months_1: MaybeBytes
    months_3: MaybeBytes
    months_12: MaybeBytes
    per_day: Annotated[int | None, Field(examples=[64_228_953], description="Bytes a day it grows by, as measured.")]
    money: Money


class CostPoint(Shape):
    """Bytes of each tier at a moment."""

    at: Moment
    sizes: Sizes


class CostMonth(Shape):
    """Bytes of each tier and money a month, in so many days."""

    days: Annotated[int, Field(examples=[30])]
    at: Moment
    sizes: Sizes
    money: Money


class CostWhatIf(Shape):
    """What a rule would do to the cost of a month in a year: values older than so many days go to object storage."""

    older_than_days: Annotated[int, Field(examples=[30])]
    money: Money
    moved: Bytes


class CostBudget(Shape):
    """One budget, what is used of it, and when it will be exceeded (null: not within two years, or not known)."""

    what: Annotated[str, Field(examples=["money"], description="money, or a tier")]
    limit: Annotated[float, Field(examples=[20])]
    used: Annotated[float, Field(examples=[12.4])]
    exceeded_in_days: Annotated[int | None, Field(examples=[40])]
    exceeded_at: Annotated[str | None, Field(examples=["2026-12-30T00:00:00Z"])]


class CostShape(Shape):
    """The whole estimate. `months` is empty as long as too little data came to measure growth."""

    at: Moment
    terms: CostTerms
    pace: CostPace
    money: Money
    sizes: Sizes
    lines: list[CostLine]
    months: list[CostMonth]
    history: list[CostPoint]
    what_if: list[CostWhatIf]
    rules: Annotated[dict[str, int], Field(examples=[{"samples": 90}], description="Days after which a table's files move.")]
    budget: list[CostBudget]
    unmeasured: Annotated[list[str], Field(examples=[["work_orders"]], description="They count as they are now.")]
    kept_days: Annotated[float, Field(examples=[7], description="How long replaced files are kept.")]


class CostEdit(Body):
    """New prices, currency or budget; what is left out stays, a budget of null is none."""

    currency: Annotated[str | None, Field(pattern="^[A-Z]{3}$", examples=["EUR"])] = None
    prices: Annotated[dict[Annotated[str, Field(pattern="^(hot|local|object)$")], Price], Field(examples=[{"local": 0.05}])] = {}  # noqa: RUF012 - pydantic copies it
    budget: Annotated[
        dict[Annotated[str, Field(pattern="^(money|hot|local|object)$")], Budget], Field(examples=[{"money": 20}])
    ] = {}  # noqa: RUF012
    version: SeenVersion = None


class CostWritten(Shape):
    """The new version of prices and budget."""

    version: Version


@router.get("")
def cost(
    rooms: House,
    subject: Reader,
    days: Annotated[int, Query(ge=1, le=400, description="How many days of the past to show.")] = 30,
) -> CostShape:
    """Estimate what storage costs now and in the months to come, from what was measured."""
    _whole(subject)
    costs: Costs = rooms.store.cost
    found = costs.prognosis()
    past = [{"at": iso(at), "sizes": sizes} for at, sizes in costs.history(found.at - days * DAY)]
    told = cost_told(found)
    for line in told["lines"]:
        if subject.sight(line["table"]) is Sight.HIDDEN:
            line.update(table="(hidden)", rows=None)
    return CostShape.model_validate({**told, "history": past})


@router.patch("")
def edit(sender: Sender, body: CostEdit) -> CostWritten:
    """Write prices, currency or budget; the budget is looked at at once."""
    change = body.model_dump(exclude={"version"})
    costs: Costs = sender.rooms.store.cost
    answer = sender.do(
        "cost.edit", "cost", {**change, "version": body.version}, lambda tx: {"version": costs.edit(tx, change, body.version)}
    )
    costs.warn(now_ns())
    return CostWritten.model_validate(answer)


def _whole(subject: Subject) -> None:
    if subject.scope:
        what = f"{subject.display or subject.name} may not read what the whole plant costs"
        raise Forbidden(what, hint="sizes are of the whole node: ask somebody without an asset scope", code="gate.forbidden")
