"""Options of the OPC UA source, as written in a [[sources]] table."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lineshaft.core import NS, Duration, Section, parse_duration


class OpcuaOptions(Section):
    """How to reach an OPC UA server and which of its variables to listen to."""

    url: str = Field(pattern=r"^opc\.tcp://.+", description="Address of the server, for example opc.tcp://10.0.0.5:4840/path.")
    nodes: tuple[str, ...] = Field(
        (), description="NodeIds to listen to, for example 'ns=2;s=Oven/Temperature'; also the tag names."
    )
    browse: bool = Field(False, description="Listen to every variable below `root` instead of a list.")
    root: str = Field("i=85", description="Where browsing starts; i=85 is the Objects folder.")
    browse_limit: int = Field(100_000, ge=1, description="Most variables a browse takes.")
    security: Literal["None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"] = Field(
        "Basic256Sha256", description="Security policy; 'None' sends everything readable and unproven: for demos on one box only."
    )
    mode: Literal["SignAndEncrypt", "Sign"] = Field("SignAndEncrypt", description="Message security mode.")
    certificate: str = Field("", description="Our certificate (DER or PEM); empty: one is made in HOME/pki on first use.")
    private_key: str = Field("", description="Its private key (PEM).")
    server_certificate: str = Field(
        "", description="The server's certificate; empty: the first one seen is trusted and kept in HOME/pki/trusted."
    )
    user: str = Field("", description="User name; empty is anonymous.")
    password_env: str = Field("", description="Name of the environment variable that holds the password.")
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

    @model_validator(mode="after")
    def _something_to_hear(self) -> OpcuaOptions:
        if not self.nodes and not self.browse:
            raise ValueError("name at least one NodeId in `nodes`, or set `browse = true`")
        if bool(self.certificate) != bool(self.private_key):
            raise ValueError("`certificate` and `private_key` belong together")
        return self

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS
