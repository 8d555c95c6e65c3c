"""The books of own models: versions with their data window, metrics, stage and lineage; content by its hash."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Conflict, Database, InvalidInput, NotFound, bump, did_you_mean, new_id, now_ns, parse_time
from lineshaft.detect.gone import refuse_forgotten
from lineshaft.detect.registry.opened import CODE, KINDS
from lineshaft.detect.registry.serving import About
from lineshaft.detect.registry.tables import models, scorers, versions
from lineshaft.guard import Subject

STAGES = ("new", "staging", "production", "archived")
"""`production` is what is served and scores unless a version is named; there is one at a time."""
MOST_BYTES = 200 * 1024 * 1024
LIGHT = [column for column in versions.c if column.name != "content"]
RISK = "opening it runs the code inside, with the rights of this node: trust it only if you know who made it"


class ModelBook:
    """Own models and their versions."""

    def __init__(self, db: Database, assets: Assets) -> None:
        self._db, self._assets = db, assets

    def create(self, tx: Connection, by: Subject, name: str, *, asset: str = "", about: str = "") -> dict[str, Any]:
        """Give a model a name."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
            hint = "lower-case letters, digits, '.', '_' and '-': it is part of an address"
            raise InvalidInput(f"'{name}' is no name of a model", where="name", hint=hint, code="registry.name")
        if self._db.rows(sa.select(models.c.id).where(models.c.name == name), tx):
            raise Conflict(f"there is a model '{name}' already", hint="register a version of it", code="registry.exists")
        if asset and asset not in {one.path for one in self._assets.tree()}:
            hint = did_you_mean(asset, [one.path for one in self._assets.tree()])
            raise InvalidInput(f"there is no asset '{asset}'", where="asset", hint=hint, code="registry.asset")
        row = {"id": new_id(), "version": 1, "name": name, "asset": asset, "about": about, "created": now_ns(), "by": by.id}
        tx.execute(models.insert().values(**row))
        return self.model(name, tx)

    def list(self) -> list[dict[str, Any]]:
        """Return all models by name."""
        return self._db.rows(sa.select(models).order_by(models.c.name))

    def model(self, name: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one model. Raises NotFound with the nearest name."""
        rows = self._db.rows(sa.select(models).where(models.c.name == name), tx)
        if not rows:
            known = [str(row["name"]) for row in self._db.rows(sa.select(models.c.name), tx)]
            raise NotFound(f"there is no model '{name}'", hint=did_you_mean(name, known), code="registry.unknown")
        return rows[0]

    def versions(self, model_id: str, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return a model's versions, newest first, without their content."""
        query = sa.select(*LIGHT).where(versions.c.model_id == model_id).order_by(versions.c.number.desc())
        return self._db.rows(query, tx)

    def about(self, name: str, number: int | None = None, tx: Connection | None = None) -> dict[str, Any]:
        """Return one version without its content, which may be large: the one in production unless one is named."""
        model = self.model(name, tx)
        query = sa.select(*LIGHT).where(versions.c.model_id == model["id"])
        query = query.where(versions.c.stage == "production" if number is None else versions.c.number == number)
        rows = self._db.rows(query, tx)
        if rows:
            return rows[0]
        if number is not None:
            raise NotFound(f"there is no version {number} of '{name}'", code="registry.version")
        hint = "put a version into production, or name one"
        raise Conflict(f"no version of '{name}' is in production", hint=hint, code="registry.no-production")

    def version(self, name: str, number: int | None = None, tx: Connection | None = None) -> dict[str, Any]:
        """Return one version whole: the one in production unless one is named."""
        row = self.usable(name, number, tx)
        return {**row, "content": self.content(row["id"], tx)}

    def usable(self, name: str, number: int | None = None, tx: Connection | None = None) -> dict[str, Any]:
        """Return one version as `about` does. Raises Conflict for one whose content was taken away."""
        row = self.about(name, number, tx)
        refuse_forgotten(row, f"register its file again (SHA-256 {row['sha256']}): it becomes a new version")
        return row

    def content(self, version_id: str, tx: Connection | None = None) -> bytes:
        """Return what a version is made of."""
        (row,) = self._db.rows(sa.select(versions.c.content).where(versions.c.id == version_id), tx)
        return bytes(row["content"])

    def register(
        self, tx: Connection, by: Subject, name: str, kind: str, content: bytes, opened: About, told: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Keep a version that was opened once. Its lineage says who, from what, after which version."""
        model = self.model(name, tx)
        known = self.versions(model["id"], tx)
        digest = hashlib.sha256(content).hexdigest()
        lineage = {
            **dict(told.get("lineage") or {}),
            "file": str(told.get("file") or ""),
            "after": known[0]["number"] if known else None,
        }
        row: dict[str, Any] = {
            "id": new_id(),
            "version": 1,
            "model_id": model["id"],
            "number": known[0]["number"] + 1 if known else 1,
            "kind": kind,
            "stage": STAGES[0],
            "inputs": opened.inputs,
            "outputs": opened.outputs,
            "library": opened.library,
            "sha256": digest,
            "size": len(content),
            **window(told),
            "metrics": metrics(told.get("metrics") or {}),
            "lineage": lineage,
            "trusted_by": by.id if kind in CODE else None,
            "content": content,
            "created": now_ns(),
            "by": by.id,
        }
        tx.execute(versions.insert().values(**row))
        return {key: value for key, value in row.items() if key != "content"}

    def stage(self, tx: Connection, name: str, number: int, stage: str, version: int | None = None) -> dict[str, Any]:
        """Move a version to a stage; what was in production before is archived."""
        if stage not in STAGES:
            raise InvalidInput(f"'{stage}' is no stage", where="stage", hint=did_you_mean(stage, STAGES), code="registry.stage")
        model = self.model(name, tx)
        bump(tx, models, model["id"], version)
        chosen = self.about(name, number, tx) if stage == "archived" else self.usable(name, number, tx)
        if stage == "production":
            before = (versions.c.model_id == model["id"]) & (versions.c.stage == "production") & (versions.c.number != number)
            if (last := tx.execute(sa.select(versions.c.number).where(before)).scalar()) is not None:
                tx.execute(models.update().where(models.c.id == model["id"]).values(previous=last))
            tx.execute(versions.update().where(before).values(stage="archived"))
        tx.execute(versions.update().where(versions.c.id == chosen["id"]).values(stage=stage))
        return self.model(name, tx)

    def scorers(self, model_id: str | None = None, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return scorers by the property they write."""
        query = sa.select(scorers).order_by(scorers.c.property)
        return self._db.rows(query if model_id is None else query.where(scorers.c.model_id == model_id), tx)


def check(kind: str, content: bytes, *, trust: bool, sha256: str) -> None:
    """Refuse content before anything opens it: unknown kinds, a wrong hash, code that nobody said to trust."""
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f"one of {', '.join(KINDS)}"
        raise InvalidInput(f"'{kind}' is no kind of model", where="kind", hint=hint, code="registry.kind")
    if not 0 < len(content) <= MOST_BYTES:
        raise InvalidInput(f"a content of {len(content)} bytes", where="content", hint=f"1 to {MOST_BYTES}", code="registry.size")
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and sha256.lower() != digest:
        hint = "the file was changed on its way, or is another one than you meant"
        raise InvalidInput(f"its SHA-256 is {digest}, not {sha256.lower()}", where="sha256", hint=hint, code="registry.hash")
    if kind in CODE and not (trust and sha256):
        raise InvalidInput(
            f"a model of kind {kind} is code: {RISK}",
            where="trust",
            hint=f"send trust: true and sha256: {digest}, or convert it to ONNX, which can only compute",
            code="registry.untrusted",
        )


def metrics(given: Mapping[str, Any]) -> dict[str, float]:
    """Return metrics as numbers. Raises InvalidInput for what is none."""
    made: dict[str, float] = {}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InvalidInput(
                f"the metric '{name}' is {value!r}", where="metrics", hint="a finite number", code="registry.metric"
            )
        made[str(name)] = float(value)
    return made


def window(told: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the time whose data a version learned from. Raises InvalidInput where it ends before it begins."""
    start = parse_time(told["start"], where="start") if told.get("start") else None
    end = parse_time(told["end"], where="end") if told.get("end") else None
    if start is not None and end is not None and end <= start:
        raise InvalidInput("the data window ends before it begins", where="end", hint="give start < end", code="registry.window")
    return {"start": start, "end": end}
