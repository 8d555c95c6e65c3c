"""What an engineer can set about computing."""

from __future__ import annotations

from pydantic import Field

from lineshaft.core import Duration, Section, parse_duration


class ComputeSettings(Section):
    """How figures are computed: when windows close, and what counts as a short stop."""

    lateness: Duration = Field(
        default="2s", description="A window stays open this long (in the time of the values) for stragglers."
    )
    idle: Duration = Field(default="15s", description="A source silent for this long no longer holds windows open.")
    catch_up: Duration = Field(default="31d", description="After a gap in time, windows of at most this long are computed.")
    micro_stop: Duration = Field(
        default="0s", description="Stops shorter than this are performance losses, unless a model says otherwise."
    )
    keep_figures: bool = Field(
        default=True, description="Keep every machine's time elements, counts and OEE by the hour as series (source figures)."
    )
    scrap_settles: Duration = Field(
        default="8h",
        description="Scrap entered within this time after the parts were made counts at once; later scrap waits for a recompute.",
    )

    @property
    def scrap_settles_ns(self) -> int:
        """How long after its making scrap counts at once, in nanoseconds."""
        return parse_duration(self.scrap_settles)

    @property
    def lateness_ns(self) -> int:
        """The allowed lateness in nanoseconds."""
        return parse_duration(self.lateness)

    @property
    def idle_ns(self) -> int:
        """The idle timeout in nanoseconds."""
        return parse_duration(self.idle)

    @property
    def catch_up_ns(self) -> int:
        """The longest stretch of windows computed at once, in nanoseconds."""
        return parse_duration(self.catch_up)

    @property
    def micro_stop_ns(self) -> int:
        """The limit of a short stop in nanoseconds."""
        return parse_duration(self.micro_stop)
