"""Which property a series number shows: looked up by the live stream for every value, so kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class HasPath(Protocol):
    """What is read of a property."""

    @property
    def id(self) -> str:
        """The property's identity."""
        ...

    @property
    def path(self) -> str:
        """Where it is in the plant."""
        ...


class HasTag(Protocol):
    """What is read of a span."""

    @property
    def source(self) -> str:
        """The source's name."""
        ...

    @property
    def tag(self) -> str:
        """The tag at the source."""
        ...


class Register(Protocol):
    """The assets room, as this book asks it."""

    def properties(self) -> Iterable[HasPath]:
        """Return all properties of the plant."""
        ...

    def spans(self, property_id: str) -> Sequence[HasTag]:
        """Return which (source, tag) fed a property, in time order."""
        ...


class Numbers(Protocol):
    """The store, as this book asks it."""

    def sid(self, source: str, tag: str) -> int | None:
        """Return a series' number, if it has one."""
        ...


class PathBook:
    """Names series numbers; written anew when a number turns up that it does not know, or the plant changed."""

    def __init__(self, register: Register, numbers: Numbers) -> None:
        self._register = register
        self._numbers = numbers
        self._paths: dict[int, str | None] = {}

    def changed(self, _event: object = None) -> None:
        """Forget everything: models, positions or bindings are different."""
        self._paths = {}

    def __call__(self, sids: npt.NDArray[np.int32]) -> list[str | None]:
        """Return the path of each series number, None for an unbound one."""
        wanted: list[int] = sids.tolist()
        paths = self._paths
        if any(sid not in paths for sid in wanted):
            paths = self._written()
            paths.update({sid: None for sid in wanted if sid not in paths})
            self._paths = paths
        return [paths[sid] for sid in wanted]

    def _written(self) -> dict[int, str | None]:
        found: dict[int, str | None] = {sid: None for sid, path in self._paths.items() if path is None}
        for one in self._register.properties():
            spans = self._register.spans(one.id)
            sid = self._numbers.sid(spans[-1].source, spans[-1].tag) if spans else None
            if sid is not None:
                found[sid] = one.path
        return found
