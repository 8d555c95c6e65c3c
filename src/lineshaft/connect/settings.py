"""Settings of the edge: how the gateway batches and buffers, and the list of machines it listens to."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lineshaft.connect import sources as folder
from lineshaft.connect.source import Source
from lineshaft.core import ConfigError, Duration, Registry, Section, explain


class GatewaySettings(Section):
    """How the gateway batches what sources say, and how the edge buffer keeps it until the store has it."""

    flush: Duration = Field("200ms", description="Longest time a value waits before its batch is written to the edge buffer.")
    batch_rows: int = Field(25_000, ge=1, description="A batch is written sooner when it has this many rows.")
    room_rows: int = Field(
        1_000_000, ge=1_000, description="Rows held in memory while the disk refuses; beyond, sources wait at their machines."
    )
    buffer_bytes: int = Field(2_000_000_000, ge=100_000, description="Most bytes the edge buffer may hold (compressed).")
    buffer_age: Duration = Field("30d", description="Oldest undelivered batch the edge buffer keeps.")
    when_full: Literal["drop-oldest", "wait"] = Field(
        "drop-oldest",
        description="A full edge buffer drops its oldest batches (counted, told as a system event) or lets sources wait.",
    )
    restart_delay: Duration = Field("1s", description="Wait before a failed source is started again; doubles up to 60 s.")


class SourceEntry(BaseModel):
    """One `[[sources]]` table: its name, its plugin's `type`, and the options of that plugin."""

    model_config = ConfigDict(frozen=True, extra="allow")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$")
    type: str

    @field_validator("name")
    @classmethod
    def _not_ours(cls, name: str) -> str:
        if name.lower() == "derived":
            raise ValueError("'derived' is the name of what is computed here: call the machine something else")
        return name

    def build(self, *, where: str = "settings.toml") -> Source:
        """Make the source. Raises ConfigError for an unknown plugin or option, naming the nearest known one."""
        place = f"{where} [[sources]] '{self.name}'"
        plugin = source_plugins().load(self.type, where=place)
        options = validate_options(plugin.Options, dict(self.model_extra or {}), where=place)
        return cast("Source", plugin(self.name, options))


class SourcesSettings(Section):
    """The machines to listen to: one [[sources]] table each."""

    sample_text: ClassVar[str] = """\
# [[sources]]
## The name is part of every value's identity: keep it for ever.
# name = "press"
## The plugin that speaks the machine's protocol.
# type = "opcua"
# url = "opc.tcp://192.168.0.10:4840"
## NodeIds to listen to (they are the tag names too), or browse = true for all.
# nodes = ["ns=2;s=Oven/Temperature", "ns=2;s=Oven/State"]
## "None" sends everything readable: for demos on one box only.
# security = "Basic256Sha256"
# user = "lineshaft"
## Name of the environment variable that holds the password.
# password_env = "PRESS_PASSWORD"
## Values the server keeps a tag while the line is cut: rate times longest outage.
# queue_size = 1000"""
    entries: tuple[SourceEntry, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _array_of_tables(cls, value: Any) -> Any:
        return {"entries": cast("object", value)} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _names_differ(self) -> SourcesSettings:
        names = [entry.name for entry in self.entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two sources are called '{twice[0]}': a name identifies a source's values for ever")
        return self

    def build(self, path: Path | str = "settings.toml") -> list[Source]:
        """Make every source, in the order written."""
        return [entry.build(where=str(path)) for entry in self.entries]


@lru_cache(maxsize=1)
def source_plugins() -> Registry:
    """Return the source plugins, built in and from entry points `lineshaft.sources`."""
    return Registry("lineshaft.sources", folder)


def validate_options(model: type[Section], values: dict[str, Any], *, where: str) -> Section:
    """Return the plugin's options. Raises ConfigError with the place and the nearest known name."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        what, hint = explain(error, model)
        raise ConfigError(what, where=where, hint=hint) from None
