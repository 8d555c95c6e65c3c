"""What an importer hands over: models and positions as somebody wrote them, each with its place in a file, and what is wrong.

An importer (a plugin of `assets/importers`) only reads and writes its own format; what a draft changes in the register is
decided in one place, for all formats.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import ConfigDict, Field, field_validator, model_validator

from lineshaft.assets.bind import ALWAYS, DERIVED, Span
from lineshaft.assets.model import AssetModel, check_name, say
from lineshaft.core import Problem, Section, check_zone, parse_time


class TagSpan(Section):
    """A binding with its time: `{tag: "ns=2;s=Oven/Temp", valid_from: ..., valid_to: ...}`."""

    tag: str
    source: str = ""
    valid_from: str | None = None
    valid_to: str | None = None

    @field_validator("valid_from", "valid_to")
    @classmethod
    def _time(cls, text: str | None) -> str | None:
        return checked_time(text)

    @field_validator("source")
    @classmethod
    def _source(cls, name: str) -> str:
        return checked_source(name)

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> TagSpan:
        if self.valid_from and self.valid_to and parse_time(self.valid_from) >= parse_time(self.valid_to):
            raise ValueError(f"the binding to '{self.tag}' ends before it begins - look at valid_from and valid_to")
        return self

    def span(self, source: str) -> Span:
        """Return the span, from `source` if it names none itself."""
        start = ALWAYS if self.valid_from is None else parse_time(self.valid_from)
        return Span(self.source or source, self.tag, start, None if self.valid_to is None else parse_time(self.valid_to))


class ConstraintEntry(Section):
    """Which machine is the line's constraint, and since when."""

    asset: str
    valid_from: str | None = None

    @field_validator("valid_from")
    @classmethod
    def _time(cls, text: str | None) -> str | None:
        return checked_time(text)


class ThingEntry(Section):
    """The serial-numbered thing that stands at a position; everything besides the serial is free."""

    model_config = ConfigDict(frozen=True, extra="allow")
    serial: str


class AssetEntry(Section):
    """One position of the plant as the file writes it, without its children."""

    name: str
    id: str | None = None
    level: str = ""
    model: str | None = None
    description: str = ""
    timezone: str = ""
    source: str = ""
    tag_prefix: str | None = None
    tags: dict[str, str | list[TagSpan]] = Field(default_factory=dict)
    aliases: dict[str, str] = Field(default_factory=dict)
    attributes: dict[str, Any] = Field(default_factory=dict)
    thing: ThingEntry | None = None
    feeds: list[str] = Field(default_factory=list)
    constraint: list[ConstraintEntry] = Field(default_factory=list[ConstraintEntry])
    was: str | None = None

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        return check_name(name)

    @field_validator("id")
    @classmethod
    def _id(cls, text: str | None) -> str | None:
        if text is None:
            return None
        try:
            return str(uuid.UUID(text))
        except ValueError:
            raise ValueError(f"'{text}' is not a UUID - leave the id out, or write one like {uuid.UUID(int=1)}") from None

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        return say(lambda: check_zone(name)) if name else name

    @field_validator("source")
    @classmethod
    def _source(cls, name: str) -> str:
        return checked_source(name)

    def wanted(self, name: str) -> str | list[TagSpan] | None:
        """Return what a measurement is to be bound to: its own entry, else prefix + name, else nothing."""
        if name in self.tags:
            return self.tags[name]
        return None if self.tag_prefix is None else f"{self.tag_prefix}{name}"


def checked_time(text: str | None) -> str | None:
    """Return the text if it is a time. Raises ValueError otherwise, as pydantic wants it."""
    if text is not None:
        say(lambda: parse_time(text))
    return text


def checked_source(name: str) -> str:
    """Return the name of a source if a machine may have it."""
    if name == DERIVED:
        raise ValueError(f"'{DERIVED}' is the source of computed properties - give the machine's source another name")
    return name


@dataclass(frozen=True)
class ModelDraft:
    """A model file that fits: its text for giving it back, and the lines of its sections."""

    body: AssetModel
    file: str
    text: str
    lines: dict[str, int]


@dataclass(frozen=True)
class AssetDraft:
    """A position that fits; `where` finds the line of one of its keys."""

    path: str
    parent: str
    entry: AssetEntry
    where: Callable[..., str]


@dataclass
class Draft:
    """Everything an importer found. `unclear` are paths whose entry is wrong: they stay as they are (None: anything may be)."""

    models: list[ModelDraft] = field(default_factory=list[ModelDraft])
    assets: list[AssetDraft] = field(default_factory=list[AssetDraft])
    problems: list[Problem] = field(default_factory=list[Problem])
    unclear: list[str | None] = field(default_factory=list["str | None"])
    plant_file: str | None = None
    plant_text: str = ""


class Importer(Protocol):
    """A plugin of `assets/importers`: one format of models and positions."""

    def read(self, folder: Path) -> Draft:
        """Read what is in the folder; what is wrong goes to the draft's problems."""
        ...

    def write(self, folder: Path, files: dict[str, str | dict[str, Any]]) -> None:
        """Write files by name: a text as it is, data in the format's canonical form."""
        ...
