"""What an engineer can set about where old values lie."""

from __future__ import annotations

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from lineshaft.core import Duration, Section, parse_duration


class Rule(Section):
    """Which files of one table go to object storage; both conditions must hold."""

    table: Literal["samples", "minute", "hour", "images"] = Field(
        "samples", description="A table of the lake, or images for its pictures; roll-ups are best kept here."
    )
    older: Duration = Field(default="90d", description="Files whose newest value is older than this.")
    unread: Duration = Field(default="30d", description="And that were not read, and not written, for so long.")

    @property
    def older_ns(self) -> int:
        """The least age, in nanoseconds."""
        return parse_duration(self.older)

    @property
    def unread_ns(self) -> int:
        """The least time without a reader, in nanoseconds."""
        return parse_duration(self.unread)


class TiersSettings(Section):
    """Where old values go: a bucket of any S3-compatible store. Without a bucket everything stays on this disk."""

    bucket: str = Field(default="", description="Name of the bucket; empty keeps everything here.")
    endpoint: str = Field(default="", description="URL of the store; empty is the region's own of AWS.")
    region: str = Field(default="us-east-1", description="Region the store expects in signatures.")
    prefix: str = Field(default="lineshaft", description="Objects are named PREFIX/TABLE/...; a prefix belongs to one home.")
    key_env: str = Field(default="LINESHAFT_OBJECTS_KEY", description="Environment variable that holds the access key.")
    secret_env: str = Field(default="LINESHAFT_OBJECTS_SECRET", description="Environment variable that holds the secret key.")
    token_env: str = Field(default="", description="Environment variable of a session token, where the store wants one.")
    ca_file: str = Field(default="", description="PEM file of a certificate authority of your own.")
    allow_http: bool = Field(default=False, description="Allow an endpoint without TLS that is not on this machine.")
    cache_mb: int = Field(default=4096, ge=1, description="Megabytes of this disk for files brought back to be read.")
    every: Duration = Field(default="1h", description="How often the rules are applied.")
    rules: tuple[Rule, ...] = Field(default=(), description="What goes there, and when.")

    sample_text: ClassVar[str] = """\
# [tiers]
## Name of the bucket; empty keeps everything on this disk. Needs `pip install lineshaft[objects]`.
# bucket = "plant-archive"
## URL of the S3-compatible store; empty is AWS.
# endpoint = "https://s3.plant.example:9000"
# region = "us-east-1"
## Objects are named PREFIX/TABLE/...; a prefix belongs to one home.
# prefix = "lineshaft"
## Environment variables that hold the keys; they are never in this file.
# key_env = "LINESHAFT_OBJECTS_KEY"
# secret_env = "LINESHAFT_OBJECTS_SECRET"
# token_env = ""
## PEM file of a certificate authority of your own; an endpoint without TLS that is not on this machine needs allow_http.
# ca_file = ""
# allow_http = false
## Megabytes of this disk for files brought back to be read, and how often the rules are applied.
# cache_mb = 4096
# every = "1h"
## Files of a table go when their newest value is older than `older` and nobody read them for `unread`. Roll-ups stay.
# [[tiers.rules]]
# table = "samples"
# older = "90d"
# unread = "30d"
## Pictures of inspections go in the same way; their rows stay.
# [[tiers.rules]]
# table = "images"
# older = "30d"
# unread = "30d\""""

    @model_validator(mode="after")
    def _sound(self) -> TiersSettings:
        parts = urlsplit(self.endpoint)
        if self.endpoint and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("endpoint: this is not a URL like https://s3.plant.example:9000")
        near = parts.hostname in ("localhost", "::1") or (parts.hostname or "").startswith("127.")
        if parts.scheme == "http" and not near and not self.allow_http:
            raise ValueError(
                "endpoint: without TLS keys and values can be read on the way; use https:// or set allow_http = true"
            )
        if self.prefix.strip("/") != self.prefix or not self.prefix:
            raise ValueError("prefix: is needed, without a slash at its ends")
        if self.rules and not self.bucket:
            raise ValueError("rules: need a bucket to move files to")
        return self

    @property
    def every_ns(self) -> int:
        """How often the rules are applied, in nanoseconds."""
        return parse_duration(self.every)

    @property
    def where(self) -> str:
        """The store and bucket as people name them."""
        return f"{self.endpoint or 'AWS S3 ' + self.region}/{self.bucket}"
