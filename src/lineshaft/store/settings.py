"""What an engineer can set about how values are kept."""

from __future__ import annotations

from pydantic import Field

from lineshaft.core import Duration, Section, parse_duration


class StoreSettings(Section):
    """How values are kept: what is refused, how long they stay in memory, how the lake is tidied."""

    future_limit: Duration = Field(default="10m", description="A timestamp further ahead of our clock than this is rejected.")
    flush_rows: int = Field(default=1_000_000, ge=1, description="So many rows in memory are written to the lake at once.")
    flush_interval: Duration = Field(
        default="5m", description="Rows wait in memory at most this long before they go to the lake."
    )
    compact_files: int = Field(default=24, ge=2, description="A day with so many files (or with late rows) is rewritten as one.")
    compact_interval: Duration = Field(default="1h", description="The same day is not rewritten more often than this.")
    compact_memory: str = Field(default="256MB", description="Memory of the process that rewrites a day; more goes to disk.")
    keep_removed: Duration = Field(default="7d", description="Files replaced by a rewrite stay readable for this long.")
    ledger_keep: Duration = Field(
        default="30d", description="What became of values is kept for so long: every ten minutes of two days, then every hour."
    )
    image_keep: Duration = Field(default="3650d", description="Images are deleted when they are older than this.")
    query_threads: int = Field(default=2, ge=1, description="Cores one question may use.")
    query_memory: str = Field(default="512MB", description="Memory for hot rows and questions; more goes to disk.")
    sql_timeout: Duration = Field(default="30s", description="A question in SQL is stopped after this long.")
    sql_memory: str = Field(default="512MB", description="Memory all questions in SQL share; more goes to disk, up to 4 GB.")
    sql_rows: int = Field(default=1_000_000, ge=1, description="Rows an answer in SQL has at most.")
    sql_at_once: int = Field(default=2, ge=1, description="So many questions in SQL run at once.")

    @property
    def sql_timeout_s(self) -> float:
        """How long a question in SQL may take, in seconds."""
        return parse_duration(self.sql_timeout) / 1e9

    @property
    def future_ns(self) -> int:
        """The limit on time ahead, in nanoseconds."""
        return parse_duration(self.future_limit)

    @property
    def flush_ns(self) -> int:
        """The longest wait in memory, in nanoseconds."""
        return parse_duration(self.flush_interval)

    @property
    def compact_ns(self) -> int:
        """The shortest time between two rewrites of a day, in nanoseconds."""
        return parse_duration(self.compact_interval)

    @property
    def keep_removed_ns(self) -> int:
        """How long replaced files stay, in nanoseconds."""
        return parse_duration(self.keep_removed)
