"""Shapes of answers and requests: every field has an example, from which the OpenAPI document makes whole ones."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from lineshaft.core import iso

T = TypeVar("T")


class Shape(BaseModel):
    """Base of answers: a room may know more about a thing than we promise here."""

    model_config = ConfigDict(extra="ignore", from_attributes=True, populate_by_name=True)


class Body(BaseModel):
    """Base of requests: an unknown name is an error, so that a typo never passes silently."""

    model_config = ConfigDict(extra="forbid")


class Listed(Shape, Generic[T]):
    """A page of a list; `next` is what `after` takes for the following page, null on the last."""

    items: list[T]
    next: Annotated[str | None, Field(examples=[None], description="Give it as `after` to get the next page.")] = None


Id = Annotated[str, Field(examples=["0b9f6a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
AssetPath = Annotated[str, Field(examples=["Bakery/Line 1/Cooler/Coolant pump"])]
PropertyPath = Annotated[str, Field(examples=["Bakery/Line 1/Cooler/Coolant pump/Vibration"])]
Moment = Annotated[str, Field(examples=["2026-11-20T06:00:00Z"], description="ISO 8601, UTC.")]
MaybeMoment = Annotated[str | None, Field(examples=["2026-11-20T06:00:00Z"], description="ISO 8601, UTC.")]
Name = Annotated[str, Field(examples=["Anna Berg"])]
MaybeName = Annotated[str | None, Field(examples=["Anna Berg"])]
Version = Annotated[int, Field(examples=[3], description="Rises with every change; send it back to be told of a clash.")]
SeenVersion = Annotated[
    int | None, Field(examples=[3], description="The version you saw: if it changed meanwhile the answer is 409.")
]
Note = Annotated[str, Field(max_length=2000, examples=["bearing sounds rough"])]
Number = Annotated[float | None, Field(examples=[7.4])]
Anything = Annotated[Any, Field(examples=[7.4])]
Table = Annotated[dict[str, Any], Field(examples=[{"serial": "PU-1"}])]


def moment(ns: object) -> str | None:
    """Return UTC nanoseconds as ISO 8601, None for none; text passes (a room has written it already)."""
    if ns is None or isinstance(ns, str):
        return ns
    return iso(int(str(ns)))
