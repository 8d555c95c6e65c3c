"""What maintenance tells the other rooms; always after the commit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """A work order was created or took a step; `what` is the step's verb, `by` whoever did it."""

    order_id: str
    number: str
    asset: str
    what: str
    state: str
    by: str
    case_id: str | None


@dataclass(frozen=True, slots=True)
class ReturnedToService:
    """Somebody verified that an asset is back in service and normal: detectors of it begin anew from here.

    `sources` are the alarms and findings the order was for, as (type, id).
    """

    order_id: str
    number: str
    asset: str
    failure_mode: str
    sources: tuple[tuple[str, str], ...]
    at: int
    by: str


@dataclass(frozen=True, slots=True)
class SpareLow:
    """Less of a part is free (and on order) than its minimum."""

    part: str
    available: float
    minimum: float
    target: float


@dataclass(frozen=True, slots=True)
class PurchaseChanged:
    """A purchase was proposed, approved, rejected, ordered or received."""

    purchase_id: str
    number: str
    part: str
    state: str
    by: str
    case_id: str | None
