"""Options of the SQL source."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from lineshaft.connect.record import Codes, zone
from lineshaft.core import NS, Duration, Section, parse_duration

READS = re.compile(r"^\s*(select|with|table|values)\b", re.IGNORECASE)


class SqlOptions(Section):
    """Which database to ask, with which query, and which of its columns is what; it is only ever read."""

    url: str = Field(
        description="Address as SQLAlchemy writes it, without a password: postgresql+psycopg://lineshaft@10.0.0.9/historian."
    )
    password_env: str = Field("", description="Name of the environment variable that holds the password.")
    query: str = Field(
        min_length=6, description="One SELECT, without its own ORDER BY or LIMIT: SELECT ts, tag, value FROM samples."
    )
    mark: str = Field("", description="Column that only grows (a time of entry, a serial number); empty: the time.")
    start: str = Field("", description="Mark to begin with, a number or an ISO 8601 time; empty: everything.")
    overlap: Duration = Field(
        "5m", description="Rows may be entered late: so far back of the mark is read again (marks of time)."
    )
    overlap_rows: int = Field(0, ge=0, description="The same for marks that are numbers.")
    timezone: str = Field(description="IANA zone of times that name none, for example Europe/Berlin; there is no default.")
    layout: Literal["long", "wide"] = Field("long", description="long: a row a value; wide: a column a tag.")
    time: str = Field("ts", description="Column of the time.")
    tag: tuple[str, ...] = Field(
        ("tag",), min_length=1, description="Column of the tag's name (long); several are joined with /."
    )
    value: str = Field("value", description="Column of the value (long).")
    quality: str = Field("", description="Column of the quality; without one, what can be read is good.")
    quality_codes: Codes = Field("lineshaft", description="What numbers in the quality column mean.")
    integers: bool = Field(False, description="Keep integers as integers; else every number is a double.")
    every: Duration = Field("30s", description="How often the database is asked.")
    rows: int = Field(10_000, ge=1, le=1_000_000, description="Most rows asked for at once.")
    timeout: Duration = Field("30s", description="Longest wait for a connection.")

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        zone(name)
        return name

    @field_validator("url")
    @classmethod
    def _no_password(cls, url: str) -> str:
        if "://" not in url:
            raise ValueError("write dialect+driver://user@host/database")
        if urlsplit(url).password:
            raise ValueError("it holds a password: name a variable in `password_env`")
        return url

    @field_validator("query")
    @classmethod
    def _only_reads(cls, query: str) -> str:
        text = query.strip().rstrip(";").strip()
        if not READS.match(text) or ";" in text:
            raise ValueError("it is one SELECT (or WITH), and nothing else")
        return text

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS
