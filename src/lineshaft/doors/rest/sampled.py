"""Values between the recorded ones: at even times, and as means weighted by time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Query, Request
from pydantic import Field

from lineshaft.core import now_ns
from lineshaft.doors.rest.frame.asking import House, Reader
from lineshaft.doors.rest.frame.moments import End, Start, span, window_of
from lineshaft.doors.rest.frame.shape import Moment, Number, PropertyPath, Shape
from lineshaft.doors.rest.frame.tables import OTHER_FORMS, answer, finite, times, wanted
from lineshaft.store import interpolated, time_weighted

router = APIRouter(tags=["values"])
OneProperty = Annotated[str, Query(alias="property", examples=["Bakery/Line 1/Oven/Temperature"])]
Way = Annotated[
    Literal["linear", "locf"],
    Query(description="`linear`: a line to the next good value; `locf`: the last one holds.", examples=["linear"]),
]


class SampledRow(Shape):
    """A value at an even time."""

    timestamp: Moment
    value: Number


class Sampled(Shape):
    """A property at start + k x interval; instants at which nothing is known are left out."""

    property: PropertyPath
    unit: Annotated[str, Field(examples=["degC"])]
    interval: Annotated[str, Field(examples=["1m"])]
    method: Annotated[str, Field(examples=["linear"])]
    rows: list[SampledRow]


class WeightedRow(Shape):
    """A window (start, end], stamped at its end: the mean weighted by time, and how much of the window was known."""

    timestamp: Moment
    average: Number
    coverage: Annotated[float, Field(examples=[1.0], description="Share of the window in which the value was known.")]


class Weighted(Shape):
    """Means weighted by time; null where nothing was known."""

    property: PropertyPath
    unit: Annotated[str, Field(examples=["degC"])]
    window: Annotated[str, Field(examples=["1h"])]
    method: Annotated[str, Field(examples=["locf"])]
    rows: list[WeightedRow]


@router.get("/interpolated", response_model=Sampled, responses=OTHER_FORMS)
def at_even_times(  # noqa: PLR0917 - FastAPI hands every query parameter by name
    request: Request,
    rooms: House,
    subject: Reader,
    path: OneProperty,
    interval: Annotated[str, Query(description="Between two instants: 10s, 1m, 1h ...", examples=["1m"])] = "1m",
    method: Way = "linear",
    within: Annotated[
        str | None, Query(description="Only values so near to an instant count; others are left out.", examples=["30s"])
    ] = None,
    start: Start = None,
    end: End = None,
) -> Any:
    """Return a property's good values at even times, drawn between the recorded ones."""
    one = rooms.assets.property(path)
    rooms.guard.gate(subject, "read", one.asset_path)
    first, last = span(start, end)
    near = None if within is None else window_of(within)
    at, value = interpolated(rooms.store, one.path, first, min(last, now_ns()), window_of(interval), method, near)
    columns: dict[str, Any] = {"timestamp": pa.array(at).cast(pa.timestamp("ns", "UTC")), "value": pa.array(value)}
    form = wanted(request)
    if form:
        return answer(pa.table(columns), form)
    pairs = zip(times(columns["timestamp"]), finite(columns["value"]), strict=True)
    rows = [{"timestamp": at, "value": value} for at, value in pairs]
    return {"property": one.path, "unit": one.unit, "interval": interval, "method": method, "rows": rows}


@router.get("/time-weighted", response_model=Weighted, responses=OTHER_FORMS)
def weighted(
    request: Request,
    rooms: House,
    subject: Reader,
    path: OneProperty,
    window: Annotated[str, Query(description="Length of a window: 10s, 1m, 1h ...", examples=["1h"])] = "1h",
    method: Way = "locf",
    start: Start = None,
    end: End = None,
) -> Any:
    """Return a property's mean per window (start, end], each value weighted by how long it stood."""
    one = rooms.assets.property(path)
    rooms.guard.gate(subject, "read", one.asset_path)
    first, last = span(start, end)
    at, mean, known = time_weighted(rooms.store, one.path, first, min(last, now_ns()), window_of(window), method)
    columns: dict[str, Any] = {"timestamp": pa.array(at).cast(pa.timestamp("ns", "UTC"))}
    columns |= {"average": pa.array(mean, mask=np.isnan(mean)), "coverage": pa.array(known)}
    form = wanted(request)
    if form:
        return answer(pa.table(columns), form)
    cells = zip(times(columns["timestamp"]), finite(columns["average"]), known.tolist(), strict=True)
    rows = [{"timestamp": at, "average": average, "coverage": share} for at, average, share in cells]
    return {"property": one.path, "unit": one.unit, "window": window, "method": method, "rows": rows}
