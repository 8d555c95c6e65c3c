"""What an engineer can set about where models are trained."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, model_validator

from lineshaft.core import Duration, Section, parse_duration


class TrainingSettings(Section):
    """Where models are trained: on this node, or on the machines of a Dask scheduler the plant runs."""

    at_once: int = Field(default=2, ge=1, le=64, description="So many trainings at a time; the others wait their turn.")
    memory_mb: int = Field(default=0, ge=0, description="Megabytes one training may take before it is ended; 0 is no limit.")
    scheduler: str = Field(
        default="",
        description="Address of a Dask scheduler, for example tls://dask.plant.example:8786; empty trains on this node.\n"
        "Needs `pip install lineshaft[dask]` here, at the scheduler and at every worker.",
    )
    ca: str = Field(default="", description="PEM file of the certificate authority of that scheduler and its workers.")
    certificate: str = Field(default="", description="PEM file of this node's certificate, from that authority.")
    key: str = Field(default="", description="PEM file of the key of that certificate.")
    allow_tcp: bool = Field(
        default=False,
        description="Allow a scheduler on another machine without TLS: whoever reaches it can run code there and on this node.",
    )
    patience: Duration = Field(
        default="10m", description="A training waits so long for a scheduler, or a worker that fits, before it has failed."
    )

    @model_validator(mode="after")
    def _sound(self) -> TrainingSettings:
        parts = urlsplit(self.scheduler)
        if self.scheduler and (parts.scheme not in ("tcp", "tls") or not parts.hostname or not parts.port):
            raise ValueError("scheduler: this is not an address like tls://dask.plant.example:8786")
        if parts.scheme == "tls" and not (self.ca and self.certificate and self.key):
            raise ValueError("scheduler: tls:// needs ca, certificate and key")
        near = parts.hostname in ("localhost", "::1") or (parts.hostname or "").startswith("127.")
        if parts.scheme == "tcp" and not near and not self.allow_tcp:
            raise ValueError(
                "scheduler: without TLS whoever reaches it can run code there and on this node; "
                "use tls:// or set allow_tcp = true"
            )
        return self

    @property
    def patience_s(self) -> float:
        """How long a training waits for a scheduler, in seconds."""
        return parse_duration(self.patience) / 1e9
