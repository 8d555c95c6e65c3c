"""What the store asks about the meaning of a series: which property it belongs to, and when.

The assets room answers; a store without one keeps every value all the same, by (source, tag).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from lineshaft.core import DataType, NotFound


class PropertyLike(Protocol):
    """What the store reads of a property."""

    @property
    def id(self) -> str:
        """The property's identity."""
        ...

    @property
    def path(self) -> str:
        """Where it is in the plant: `Bakery/Line 1/Oven/Temperature`."""
        ...

    @property
    def type(self) -> DataType:
        """The type of its values."""
        ...

    @property
    def unit(self) -> str:
        """The unit of its values."""
        ...


class SpanLike(Protocol):
    """A time during which a property was fed by one (source, tag): start <= ts < end, open without an end."""

    @property
    def source(self) -> str:
        """The source's name."""
        ...

    @property
    def tag(self) -> str:
        """The tag's name at the source."""
        ...

    @property
    def start_ns(self) -> int:
        """First nanosecond that belongs to the span."""
        ...

    @property
    def end_ns(self) -> int | None:
        """First nanosecond that does not."""
        ...


class Meaning(Protocol):
    """The assets room, as the store sees it."""

    def property(self, path: str) -> PropertyLike:
        """Return the property at a path. Raises NotFound with the nearest name."""
        ...

    def spans(self, property_id: str) -> Sequence[SpanLike]:
        """Return which (source, tag) fed the property when."""
        ...

    def property_of(self, source: str, tag: str, at: int) -> PropertyLike | None:
        """Return the property a tag is bound to at a time, if any."""
        ...


class Tag(NamedTuple):
    """A series named by where it comes from; reads take one in place of a property's path."""

    source: str
    tag: str


class Unbound:
    """The meaning of a plant nobody has modelled yet: values are kept, and read by (source, tag)."""

    def property(self, path: str) -> PropertyLike:
        """Refuse: there are no properties."""
        raise NotFound(f"there is no property '{path}'", hint="load a plant model, or read by source and tag")

    def spans(self, property_id: str) -> Sequence[SpanLike]:
        """Return nothing."""
        del property_id
        return ()

    def property_of(self, source: str, tag: str, at: int) -> PropertyLike | None:
        """Return nothing."""
        del source, tag, at


Ref = str | PropertyLike | Tag
"""What a read can be asked for: a property's path, a property, or a Tag."""
