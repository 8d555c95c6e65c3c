"""Settings of production: the list of other systems that know what is being made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lineshaft.core import NS, ConfigError, Duration, Registry, Section, explain, parse_duration
from lineshaft.production import feeds as folder
from lineshaft.production.feed import Feed


@dataclass(frozen=True)
class PlannedFeed:
    """A feed and how often it is read."""

    name: str
    type: str
    every_ns: int
    feed: Feed


class FeedEntry(BaseModel):
    """One `[[feeds]]` table: its name, its plugin's `type`, how often it is read, and the options of that plugin."""

    model_config = ConfigDict(frozen=True, extra="allow")
    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$", description="Keep it: how far a feed was read is kept by name."
    )
    type: str = Field(description="The plugin: sql, rest, b2mml, excel or files.")
    every: Duration = Field("5m", description="How often it is read.")

    @field_validator("every")
    @classmethod
    def _not_too_often(cls, text: str) -> str:
        if parse_duration(text) < NS:
            raise ValueError("a feed is read once a second at most")
        return text

    def build(self, *, where: str = "settings.toml") -> PlannedFeed:
        """Make the feed. Raises ConfigError for an unknown plugin or option, naming the nearest known one."""
        place = f"{where} [[feeds]] '{self.name}'"
        plugin = feed_plugins().load(self.type, where=place)
        try:
            options = plugin.Options.model_validate(dict(self.model_extra or {}))
        except ValidationError as error:
            what, hint = explain(error, plugin.Options)
            raise ConfigError(what, where=place, hint=hint) from None
        return PlannedFeed(self.name, self.type, parse_duration(self.every), plugin(self.name, options))


class FeedsSettings(Section):
    """Where orders, lots and quality results come from: one [[feeds]] table each."""

    sample_text: ClassVar[str] = """\
# [[feeds]]
## How far a feed was read is kept under its name.
# name = "erp-orders"
# type = "sql"
# every = "5m"
# kind = "orders"
## Name of the environment variable that holds the SQLAlchemy URL with its password.
# url_env = "ERP_URL"
# query = "SELECT aufnr, matnr, menge, termin, geaendert FROM auftraege"
## Rows are read from the highest value of this column on that was read before.
# mark = "geaendert"
# columns = {order = "aufnr", product = "matnr", quantity = "menge", due = "termin"}
# timezone = "Europe/Berlin\""""
    entries: tuple[FeedEntry, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _array_of_tables(cls, value: Any) -> Any:
        return {"entries": cast("object", value)} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _names_differ(self) -> FeedsSettings:
        names = [entry.name for entry in self.entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two feeds are called '{twice[0]}': how far each was read is kept by its name")
        return self

    def build(self, path: Path | str = "settings.toml") -> list[PlannedFeed]:
        """Make every feed, in the order written."""
        return [entry.build(where=str(path)) for entry in self.entries]


@lru_cache(maxsize=1)
def feed_plugins() -> Registry:
    """Return the feed plugins, built in and from entry points `lineshaft.feeds`."""
    return Registry("lineshaft.feeds", folder)
