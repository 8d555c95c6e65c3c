"""Options of the MQTT source: which topics, and how a payload becomes tags."""

from __future__ import annotations

import re
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from lineshaft.connect.broker import BrokerOptions
from lineshaft.core import Section

PLACES = re.compile(r"\{(topic|path|name|\d+)\}")
BRACES = re.compile(r"\{[^{}]*\}")


class Topic(Section):
    """One topic filter and what its payloads mean."""

    filter: str = Field(min_length=1, description="Topic filter, for example 'plant/+/press/#'; $share/group/... is understood.")
    qos: Literal[0, 1, 2] = Field(1, description="Quality of service; with 1 the broker keeps messages while we are away.")
    payload: Literal["auto", "scalar", "json", "csv"] = Field(
        "auto", description="What the payload is; auto: JSON when it begins like JSON, else one scalar."
    )
    tag: str = Field(
        "",
        description="Tag name from {topic}, its levels {0} {1} ..., {path} (JSON field, CSV column), {name} (what `name` holds).",
    )
    each: str = Field("", description="JSON: path to the list of records, for batches; a list at the top is one by itself.")
    fields: tuple[str, ...] = Field((), description="JSON or CSV: the fields to take, as paths a.b; empty: every scalar field.")
    name: str = Field("", description="Field that holds the tag's name, when records are (name, value, time).")
    value: str = Field("", description="Field that holds the value then.")
    time: str = Field("", description="Field that holds the time; empty: the time of arrival.")
    time_format: Literal["auto", "iso", "s", "ms", "us", "ns"] = Field(
        "auto", description="How the time is written; auto: ISO 8601, or a number whose size tells its unit."
    )
    timezone: str = Field("", description="IANA zone of times written without one; without it such times are refused.")
    quality: str = Field(
        "", description="Field with the quality: good, uncertain, bad, true, false or an OPC number (192 is good)."
    )
    integers: bool = Field(False, description="Keep integers as integers; else every number is a double (21 and 21.5 alike).")
    retained: Literal["take", "uncertain", "ignore"] = Field(
        "uncertain", description="What a retained message without a time of its own is: old by an unknown age."
    )

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            if name:
                ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"'{name}' is no IANA time zone, such as Europe/Berlin") from None
        return name

    @model_validator(mode="after")
    def _makes_sense(self) -> Topic:
        levels = self.filter.split("/")
        if "#" in levels[:-1] or any(len(level) > 1 and set(level) & set("+#") for level in levels):
            raise ValueError(f"'{self.filter}' is no topic filter: + stands for a whole level, # for the rest")
        if bool(self.name) != bool(self.value):
            raise ValueError("`name` and `value` belong together")
        strange = [word for word in BRACES.findall(self.tag) if not PLACES.fullmatch(word)]
        if strange:
            raise ValueError(f"`tag` knows {{topic}}, {{0}}, {{1}} ..., {{path}} and {{name}}, not {strange[0]}")
        if len(self.fields) > 1 and self.tag and "{path}" not in self.tag:
            raise ValueError("several `fields` need {path} in `tag`: else they would be one tag")
        return self

    @property
    def levels(self) -> list[str]:
        """Return the filter's levels, without a share group."""
        parts = self.filter.split("/")
        return parts[2:] if parts[0] == "$share" else parts

    def matches(self, topic: str) -> bool:
        """Return whether a topic fits the filter."""
        here = topic.split("/")
        for i, level in enumerate(self.levels):
            if level == "#":
                return not (i == 0 and topic.startswith("$"))
            if i >= len(here) or (level not in ("+", here[i])) or (i == 0 and level == "+" and topic.startswith("$")):
                return False
        return len(here) == len(self.levels)


class MqttOptions(BrokerOptions):
    """How to reach a broker, and which of its topics become which tags."""

    url: str = Field(
        pattern=r"^(mqtts?|listens?)://.+",
        description="mqtt://10.0.0.5:1883, or mqtts://broker:8883 (TLS); listens://0.0.0.0:8883 takes devices itself, no broker.",
    )
    names: tuple[str, ...] = Field(
        (),
        description="With listens://: the names and addresses devices call us by, for the certificate made in HOME/devices-ca.",
    )
    largest: int = Field(1_000_000, ge=100, le=268_435_455, description="With listens://: most bytes of one message.")
    topics: tuple[Topic, ...] = Field(
        min_length=1, description="What to listen to, one [[sources.topics]] each; the first match wins."
    )

    @property
    def listens(self) -> bool:
        """Whether devices call us, rather than we a broker."""
        return self.url.startswith("listen")

    most_tags: int = Field(100_000, ge=1, description="Most different tags: a counter in the topic would make ever more.")
