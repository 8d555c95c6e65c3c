"""Reading `calendar.yaml` and `production.yaml`: every wrong entry is told with its line and leaves the others alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, cast

from lineshaft.core import ConfigError, Marked, Problem, Section, did_you_mean, fit, read_marked
from lineshaft.production.feed import FeedDraft
from lineshaft.production.written import CalendarEntry, LotEntry, OrderEntry, ProductEntry, QualityEntry, RunEntry

S = TypeVar("S", bound=Section)
CALENDAR, PRODUCTION = "calendar.yaml", "production.yaml"
SECTIONS = ("products", "orders", "lots", "quality", "running")
Calendars = list[tuple[str, CalendarEntry]]


def read_calendars(folder: Path, problems: list[Problem]) -> Calendars:
    """Return the calendars of `calendar.yaml`: one mapping, or a list under `calendars`."""
    document = _open(folder / CALENDAR, problems)
    if document is None or document.data is None:
        return []
    if isinstance(document.data, dict) and "calendars" in document.data:
        return _list(document, CalendarEntry, "calendars", problems)
    entry, wrong = fit(document, CalendarEntry, document.data)
    problems += wrong
    return [] if entry is None else [(document.where(), entry)]


def read_production(folder: Path) -> FeedDraft:
    """Return what `production.yaml` says of products, orders, lots, quality results and runs."""
    draft = FeedDraft()
    document = _open(folder / PRODUCTION, draft.problems)
    if document is None or document.data is None:
        return draft
    if not isinstance(document.data, dict):
        draft.problems.append(Problem(document.where(), f"lists called {', '.join(SECTIONS)} are expected"))
        return draft
    for key in cast("dict[str, Any]", document.data):
        if key not in SECTIONS:
            draft.problems.append(Problem(document.where(key), f"'{key}' is not known here", did_you_mean(key, SECTIONS)))
    draft.products = _list(document, ProductEntry, "products", draft.problems)
    draft.orders = _list(document, OrderEntry, "orders", draft.problems)
    draft.lots = _list(document, LotEntry, "lots", draft.problems)
    draft.quality = _list(document, QualityEntry, "quality", draft.problems)
    draft.running = _list(document, RunEntry, "running", draft.problems)
    return draft


def _open(path: Path, problems: list[Problem]) -> Marked | None:
    if not path.exists():
        return None
    try:
        return read_marked(path, path.name)
    except ConfigError as error:
        problems.append(Problem(error.where, error.what, error.hint))
        return None


def _list(document: Marked, model: type[S], key: str, problems: list[Problem]) -> list[tuple[str, S]]:
    entries = cast("dict[str, Any]", document.data).get(key) or []
    if not isinstance(entries, list):
        problems.append(Problem(document.where(key), f"a list of {key} is expected here", "begin each with '- '"))
        return []
    found: list[tuple[str, S]] = []
    for number, value in enumerate(cast("list[Any]", entries)):
        entry, wrong = fit(document, model, value, key, number)
        problems += wrong
        if entry is not None:
            found.append((document.where(key, number), entry))
    return found
