"""settings.toml as this node understands it: one typed section a room, in the order of the data; and its database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import Field

from lineshaft import act, assets, compute, connect, detect, guard, maintain, production, store
from lineshaft.app import edge_sections
from lineshaft.app.retention import RetentionSettings
from lineshaft.connect import DiscoverySettings, EdgesSettings, WriterSettings
from lineshaft.core import Database, Section, load
from lineshaft.doors.mcp import McpSettings


class NodeSettings(Section):
    """The node: its name and where its parts are."""

    name: str = Field(default="plant", description="Name of this node.")
    models: str = Field(default="config", description="Folder of the YAML models, relative to the home; keep it in git.")
    database: str = Field(
        default="",
        description="URL of the relational database; empty is SQLite in the home.\n"
        "For PostgreSQL: postgresql+psycopg://user@host/lineshaft (needs the extra `postgres`).",
    )


class WebSettings(Section):
    """The web interface and the APIs."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; 127.0.0.1 is this machine only.")
    port: int = Field(default=8080, ge=1, le=65535, description="Port to listen on.")


SECTIONS: dict[str, type[Section]] = {
    "node": NodeSettings,
    "web": WebSettings,
    **edge_sections.SECTIONS,
    "edges": EdgesSettings,
    "discovery": DiscoverySettings,
    "writer": WriterSettings,
    "feeds": production.FeedsSettings,
    "guard": guard.GuardSettings,
    "store": store.StoreSettings,
    "cost": store.CostSettings,
    "retention": RetentionSettings,
    "tiers": store.TiersSettings,
    "compute": compute.ComputeSettings,
    "alarms": detect.AlarmsSettings,
    "training": detect.TrainingSettings,
    "condition": detect.ConditionSettings,
    "maintain": maintain.MaintainSettings,
    "webhooks": maintain.WebhooksSettings,
    "act": act.ActSettings,
    "agents": act.AgentsSettings,
    "mcp": McpSettings,
}
"""Every section of settings.toml, in the order of the data."""

MIGRATIONS = {
    "guard": guard.MIGRATIONS,
    "connect": connect.MIGRATIONS,
    "assets": assets.MIGRATIONS,
    "production": production.MIGRATIONS,
    "store": store.MIGRATIONS,
    "compute": compute.MIGRATIONS,
    "detect": detect.MIGRATIONS,
    "maintain": maintain.MIGRATIONS,
    "act": act.MIGRATIONS,
}
"""Every room's schema, upstream first, as foreign keys point upstream."""


@dataclass(frozen=True, slots=True)
class Settings(edge_sections.EdgeHome):
    """settings.toml, one typed section a room: what an edge node heeds, and all else."""

    node: NodeSettings
    web: WebSettings
    edges: EdgesSettings
    discovery: DiscoverySettings
    writer: WriterSettings
    feeds: production.FeedsSettings
    guard: guard.GuardSettings
    store: store.StoreSettings
    cost: store.CostSettings
    retention: RetentionSettings
    tiers: store.TiersSettings
    compute: compute.ComputeSettings
    alarms: detect.AlarmsSettings
    training: detect.TrainingSettings
    condition: detect.ConditionSettings
    maintain: maintain.MaintainSettings
    webhooks: maintain.WebhooksSettings
    act: act.ActSettings
    agents: act.AgentsSettings
    mcp: McpSettings


def read_settings(home: Path) -> Settings:
    """Read HOME/settings.toml. Raises ConfigError naming what is wrong, where, and the nearest known name."""
    return Settings(**cast("dict[str, Any]", load(home / "settings.toml", SECTIONS)))


def open_database(home: Path) -> tuple[Database, Settings]:
    """Open the relational database of a home and bring its schema up to date."""
    settings = read_settings(home)
    home.mkdir(parents=True, exist_ok=True)
    if not settings.node.database:
        (home / "lineshaft.db").touch(mode=0o600)  # it holds hashes of passwords; an existing file keeps its mode
    db = Database(settings.node.database or f"sqlite:///{home / 'lineshaft.db'}")
    db.migrate(MIGRATIONS)
    return db, settings
