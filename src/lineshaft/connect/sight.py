"""What a look inside a machine brings back: branches to open, values to pick, and which options a pick becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Pick:
    """What ticking something means: `value` joins the list `option`, or the options of `sets` are taken."""

    option: str = ""
    value: Any = None
    sets: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Inside:
    """A branch or a value; `more` says that it has something below that is not here yet."""

    id: str
    parent: str
    name: str
    kind: Literal["branch", "value"] = "value"
    type: str = ""
    value: str = ""
    unit: str = ""
    more: bool = False
    pick: Pick | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a look as a whole: a code that pages translate, its parameters, and the English sentence."""

    code: str
    text: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Seen:
    """What lies inside: one level of it, or all."""

    items: list[Inside]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be seen: directly `below` a branch (empty: the top), or all below (`deep`), or only what is called so."""

    below: str = ""
    find: str = ""
    deep: bool = False
    seconds: float = 5.0
    most: int = 2_000


def short(value: object) -> str:
    """Return a value as a short text."""
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def cut(most: int) -> Remark:
    """Say that there is more than is shown."""
    return Remark("inside.cut", f"only the first {most} are shown: look at a smaller part", {"n": most})
