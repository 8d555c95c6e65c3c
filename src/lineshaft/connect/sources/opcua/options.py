"""Options of the OPC UA source, as written in a [[sources]] table."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lineshaft.core import NS, Duration, Section, parse_duration


class OpcuaOptions(Section):
    """How to reach an OPC UA server and which of its variables to listen to."""

    url: str = Field(pattern=r"^opc\.tcp://.+", description="Address of the server, for example opc.tcp://10.0.0.5:4840/path.")
    nodes: tuple[str, ...] = Field(
        (),
        description="NodeIds to listen to, 'ns=2;s=Oven/Temperature' or 'nsu=urn:oven;s=Temperature'; also the tag names.",
    )
    polled: tuple[str, ...] = Field(
        (), description="NodeIds that are read again and again instead: for servers with few or no subscriptions."
    )
    poll_every: Duration = Field("1s", description="How often those are read, and those the server does not let us listen to.")
    browse: bool = Field(False, description="Listen to every variable below `root` instead of a list.")
    root: str = Field("i=85", description="Where browsing starts; i=85 is the Objects folder.")
    browse_limit: int = Field(100_000, ge=1, description="Most variables a browse takes.")
    security: Literal["None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"] = Field(
        "Basic256Sha256", description="Security policy; 'None' sends everything readable and unproven: for demos on one box only."
    )
    mode: Literal["SignAndEncrypt", "Sign"] = Field("SignAndEncrypt", description="Message security mode.")
    certificate: str = Field("", description="Our certificate (DER or PEM); empty: one is made in HOME/pki on first use.")
    private_key: str = Field("", description="Its private key (PEM).")
    server_certificate: str = Field("", description="The server's certificate as a file; empty: the trust list decides.")
    trust: Literal["list", "first-sight"] = Field(
        "list",
        description="list: its certificate waits until a person compared it (`lineshaft trust`); first-sight: the first is it.",
    )
    user: str = Field("", description="User name; empty is anonymous.")
    password_env: str = Field("", description="Name of the environment variable that holds the password.")
    user_certificate: str = Field("", description="Certificate (DER or PEM) that proves who we are, instead of a name.")
    user_key: str = Field("", description="Its private key (PEM).")
    publishing_interval: Duration = Field("100ms", description="How often the server sends what changed.")
    sampling_interval: Duration = Field(
        "100ms", description="How often the server looks at each variable; 0ms means at every change."
    )
    queue_size: int = Field(
        1_000, ge=1, le=1_000_000, description="Values the server keeps a variable while we are away: rate times longest outage."
    )
    trigger: Literal["status_value", "status_value_timestamp"] = Field(
        "status_value", description="What counts as a change: status_value_timestamp also reports an equal value with a new time."
    )
    keepalive: Duration = Field(
        "5s", description="Without news the server speaks this often; silence twice as long is a lost line."
    )
    lifetime: Duration = Field("10m", description="How long the server keeps our subscription and queues while we are away.")
    timeout: Duration = Field("5s", description="Longest wait for an answer.")
    backfill: Duration = Field(
        "1d", description="After a gap the server's own history is read, so far back at most; 0s never. Only where it keeps one."
    )
    times: Literal["source", "corrected", "arrival"] = Field(
        "source",
        description="Whose time a value has: the machine's, the machine's less what its clock is off, or that of its arrival.",
    )
    clock_tolerance: Duration = Field("5s", description="A server's clock that is further off ours is told of.")
    structures: bool = Field(
        False, description="Load the server's own structures, so that their fields are JSON; else they are bytes (base64)."
    )

    @model_validator(mode="after")
    def _something_to_hear(self) -> OpcuaOptions:
        if not self.nodes and not self.polled and not self.browse:
            raise ValueError("name at least one NodeId in `nodes` or `polled`, or set `browse = true`")
        if bool(self.user_certificate) != bool(self.user_key) or (self.user and self.user_certificate):
            raise ValueError("a user is a name with `password_env`, or `user_certificate` with `user_key`")
        if bool(self.certificate) != bool(self.private_key):
            raise ValueError("`certificate` and `private_key` belong together")
        return self

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS
