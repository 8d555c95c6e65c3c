"""What became of a property's values on their way in, by the ledger: those that came twice, and those that were refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from lineshaft.assets import Assets
from lineshaft.detect.anomaly import QualityReport
from lineshaft.detect.anomaly.quality import Flaw

TIMES = ("past", "future")
"""Why the store refuses a value for its time; what else it refuses one for is the value itself."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Counts since the property's source was connected."""

    overwritten: int = 0
    times: int = 0
    values: int = 0


@runtime_checkable
class Accounts(Protocol):
    """What is asked of a store that keeps accounts."""

    def ledger(self) -> Sequence[Any]:
        """Return the account of every tag of every source."""
        ...

    def overwritten(self, row: Any) -> int | None:
        """Return how many stored values came in the place of one with the same time; None where nobody can say."""
        ...


def arrivals(store: object, assets: Assets, paths: Sequence[str]) -> dict[str, Arrived]:
    """Return what arrived for each property that had anything said of it."""
    if not isinstance(store, Accounts):
        return {}
    tags = {(span.source, span.tag): path for path in paths for span in assets.spans(assets.property(path).id)}
    found: dict[str, Arrived] = {}
    for row in store.ledger():
        path = tags.get((row.source, row.tag))
        if path is not None:
            before = found.get(path, Arrived())
            refused = sum(n for why, n in row.rejected.items() if why in TIMES)
            other = sum(row.rejected.values()) - refused
            again = store.overwritten(row) or 0
            found[path] = Arrived(before.overwritten + again, before.times + refused, before.values + other)
    return found


def arrived(report: QualityReport, counts: Mapping[str, Arrived]) -> QualityReport:
    """Add to a report what the table cannot show: values that never came into it."""

    def flaws(one: Arrived) -> tuple[Flaw, ...]:
        said = (
            ("overwritten", one.overwritten, "values with the time of another", "the later one counts"),
            ("refused-time", one.times, "values refused for their time", "not stored: set the clock of the source"),
            ("refused-value", one.values, "values refused", "not stored: the ledger says why"),
        )
        return tuple(Flaw(code, f"{count} {what}", action, count) for code, count, what, action in said if count)

    sensors = tuple(replace(one, flaws=(*one.flaws, *flaws(counts.get(one.name, Arrived())))) for one in report.sensors)
    return replace(report, sensors=sensors)
