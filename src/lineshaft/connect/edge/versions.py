"""Central configuration: every version a plant ever gave an edge, signed; going back is one more version wanted."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError, model_validator
from sqlalchemy.engine import Connection

from lineshaft.connect.authority import Authority
from lineshaft.connect.edge.settings import (
    DerivedSettings,
    DetectorsSettings,
    FunctionsSettings,
    PipelinesSettings,
    RulesSettings,
)
from lineshaft.connect.edge.uns import NAME, UnsSettings
from lineshaft.connect.settings import SourcesSettings
from lineshaft.connect.tables import configs, edges
from lineshaft.core import (
    ConfigError,
    Conflict,
    Database,
    Forbidden,
    InvalidInput,
    NotFound,
    Section,
    bump,
    explain,
    new_id,
    now_ns,
)


class EdgeConfig(Section):
    """What a plant may configure at an edge."""

    sources: SourcesSettings = SourcesSettings()
    derived: DerivedSettings = DerivedSettings()
    pipelines: PipelinesSettings = PipelinesSettings()
    functions: FunctionsSettings = FunctionsSettings()
    detectors: DetectorsSettings = DetectorsSettings()
    uns: UnsSettings = UnsSettings.model_validate({})
    rules: RulesSettings = RulesSettings()

    @model_validator(mode="after")
    def _names(self) -> EdgeConfig:
        """Hold names apart: of sources, functions and detectors; a rule writes to a source of this node."""
        machines = [one.name for one in self.sources.entries]
        names = [*machines, *(one.name for one in self.functions.entries), *(one.name for one in self.detectors.entries), NAME]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"'{twice[0]}' is the name of two things: sources, functions and detectors share their names")
        targets: set[tuple[str, str]] = set()
        for rule in self.rules.entries:
            if rule.target not in machines:
                raise ValueError(f"rule '{rule.name}' writes to '{rule.target}', which is no source here")
            if (rule.target, rule.tag) in targets:
                raise ValueError(f"two rules write {rule.target} {rule.tag}")
            targets.add((rule.target, rule.tag))
        return self


def read_config(text: str) -> EdgeConfig:
    """Read the TOML of an edge's configuration, plugins' options included. Raises InvalidInput with place and mend."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"this is not TOML: {error}", code="edge.config") from None
    try:
        made = EdgeConfig.model_validate(raw)
        made.sources.build("configuration")
    except ValidationError as error:
        what, hint = explain(error, EdgeConfig)
        raise InvalidInput(what, hint=hint, code="edge.config") from None
    except ConfigError as error:
        raise InvalidInput(error.what, where=error.where, hint=error.hint, code="edge.config") from None
    return made


def canonical(edge: str, version: Mapping[str, Any]) -> bytes:
    """Return the bytes that are signed: a version of one edge is none of another, nor another version, nor another's approval."""
    said = {"edge": edge, **{name: version[name] for name in ("number", "text", "by", "approved_by")}}
    return json.dumps(said, sort_keys=True, ensure_ascii=False).encode()


def must_be_approved(config: EdgeConfig) -> bool:
    """Say whether a second person must approve a configuration: it writes to machines by itself, or brings programs along."""
    return bool(config.rules.entries or config.functions.entries)


class Versions:
    """The versions of configuration of every edge."""

    def __init__(self, db: Database, authority: Callable[[], Authority]) -> None:
        self._db = db
        self._authority = authority
        self.check: Callable[[EdgeConfig], None] = lambda _config: None
        """What only the composed node can check: formulas, exported detectors. Raises a LineshaftError."""

    def of(self, edge_id: str) -> list[dict[str, Any]]:
        """Return the versions of an edge, newest first."""
        return self._db.rows(sa.select(configs).where(configs.c.edge_id == edge_id).order_by(configs.c.number.desc()))

    def add(self, tx: Connection, edge: dict[str, Any], text: str, by: str, note: str = "") -> dict[str, Any]:
        """Keep a new version; sign it and want it, unless a second person must approve it. Raises InvalidInput with the place."""
        config = read_config(text)
        self.check(config)
        query = sa.select(sa.func.coalesce(sa.func.max(configs.c.number), 0)).where(configs.c.edge_id == edge["id"])
        number = int(tx.execute(query).scalar_one()) + 1
        waits = must_be_approved(config)
        row = {"number": number, "at": now_ns(), "by": by, "note": note, "text": text, "approved_by": ""}
        signature = "" if waits else self._authority().signature(canonical(edge["name"], row))
        tx.execute(configs.insert().values(id=new_id(), version=1, edge_id=edge["id"], signature=signature, **row))
        if not waits:
            bump(tx, edges, edge["id"], None, wanted=number)
        return {"name": edge["name"], "number": number, "waits": waits}

    def approve(self, tx: Connection, edge: dict[str, Any], number: int, by: str) -> dict[str, Any]:
        """Sign a version that waits for a second person, and want it. Raises Forbidden for one's own, Conflict if none waits."""
        row = self._one(edge, number, tx)
        if row["signature"]:
            raise Conflict(f"configuration {number} does not wait for approval", code="edge.config-approved")
        if row["by"] == by:
            hint = "a second person must approve what writes to machines or is a program"
            raise Forbidden("you made this configuration", hint=hint, code="approval.own-proposal")
        signature = self._authority().signature(canonical(edge["name"], {**row, "approved_by": by}))
        bump(tx, configs, row["id"], None, approved_by=by, signature=signature)
        bump(tx, edges, edge["id"], None, wanted=number)
        return {"name": edge["name"], "number": number, "waits": False}

    def want(self, tx: Connection, edge: dict[str, Any], number: int) -> dict[str, Any]:
        """Have the edge go to a version it was given before; 0 is its own settings."""
        if number and not self._one(edge, number, tx)["signature"]:
            hint = "a second person must approve it"
            raise Conflict(f"configuration {number} waits for approval", hint=hint, code="edge.config-waits")
        bump(tx, edges, edge["id"], None, wanted=number)
        return {"name": edge["name"], "number": number, "waits": False}

    def wanted(self, edge: dict[str, Any]) -> dict[str, Any] | None:
        """Return the signed version an edge is to have, None where it keeps its own settings."""
        if not edge["wanted"]:
            return None
        row = self._one(edge, edge["wanted"])
        return {name: row[name] for name in ("number", "text", "by", "approved_by", "signature")}

    def _one(self, edge: dict[str, Any], number: int, tx: Connection | None = None) -> dict[str, Any]:
        query = sa.select(configs).where((configs.c.edge_id == edge["id"]) & (configs.c.number == number))
        found = self._db.rows(query, tx)
        if not found:
            raise NotFound(f"'{edge['name']}' never had a configuration {number}", code="edge.config-unknown")
        return found[0]
