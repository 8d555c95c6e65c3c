"""Giving back what was read: a file nobody touched as its own text, everything else in canonical form."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import tables as t
from lineshaft.assets.bind import ALWAYS, Span
from lineshaft.assets.importing import NAMESPACE
from lineshaft.assets.model import AssetModel, Kind
from lineshaft.assets.snapshot import Snapshot
from lineshaft.assets.tree import Asset
from lineshaft.core import iso

PLANT = "plant.yaml"


def files_of(tx: Connection, now: int, *, canonical: bool = False) -> dict[str, str | dict[str, Any]]:
    """Return every file of the register by name: texts as they were read, or data for the canonical form."""
    snapshot = Snapshot(tx, now)
    files = _models(tx, canonical=canonical)
    row = tx.execute(sa.select(t.files)).mappings().first()
    if row is not None and not row["edited"] and not canonical:
        files[row["name"]] = row["text"]
    elif snapshot.children.get(None):
        rows = {r["id"]: dict(r) for r in tx.execute(sa.select(t.assets)).mappings()}
        files[row["name"] if row else PLANT] = {"assets": [_asset(snapshot, rows, top) for top in snapshot.children[None]]}
    return files


def _models(tx: Connection, *, canonical: bool) -> dict[str, str | dict[str, Any]]:
    """Return the newest version of a model under its file's name, older ones as `pump.v1.yaml`."""
    files: dict[str, str | dict[str, Any]] = {}
    query = sa.select(t.models).order_by(t.models.c.model, t.models.c.number.desc())
    for row in tx.execute(query).mappings():
        name = row["file"] or f"models/{row['model'].lower().replace(' ', '-')}.yaml"
        if name in files:
            name = str(PurePosixPath(name).with_suffix(f".v{row['number']}.yaml"))
        body = AssetModel.model_validate(row["body"]).model_dump(mode="json", exclude_unset=True)
        files[name] = body if canonical or not row["text"] else row["text"]
    return files


def _asset(snapshot: Snapshot, rows: dict[str, dict[str, Any]], asset_id: str) -> dict[str, Any]:
    row, asset = rows[asset_id], snapshot.assets[asset_id]
    entry: dict[str, Any] = {"name": row["name"]}
    if row["id_written"] or asset_id != str(uuid.uuid5(NAMESPACE, asset.path)):
        entry["id"] = asset_id
    for key in ("level", "model", "description", "timezone", "source", "tag_prefix"):
        if row[key] not in ("", None):
            entry[key] = row[key]
    values = {
        "tags": _tags(snapshot, asset, row),
        "aliases": row["aliases"],
        "attributes": _attributes(snapshot, asset),
        "thing": asset.thing,
        "feeds": row["feeds"],
        "constraint": row["constraints"],
        "children": [_asset(snapshot, rows, child) for child in snapshot.children.get(asset_id, [])],
    }
    return {**entry, **{key: value for key, value in values.items() if value}}


def _attributes(snapshot: Snapshot, asset: Asset) -> dict[str, Any]:
    own = {name: entries[-1][1] for (owner, name), entries in snapshot.values.items() if owner == asset.id}
    order = [p.name for p in snapshot.own[asset.id] if p.kind is Kind.ATTRIBUTE]
    return {name: own[name] for name in order if own.get(name) is not None}


def _tags(snapshot: Snapshot, asset: Asset, row: dict[str, Any]) -> dict[str, Any]:
    """Return what the prefix does not say: other tags, and bindings with a history."""
    tags: dict[str, Any] = {}
    for one in snapshot.own[asset.id]:
        spans = snapshot.bindings.get(one.id, [])
        whole = len(spans) == 1 and spans[0].start_ns == ALWAYS and spans[0].end_ns is None and spans[0].source == asset.source
        if not whole:
            if spans:
                tags[one.name] = [_span(span, asset.source) for span in spans]
        elif row["tag_prefix"] is None or spans[0].tag != f"{row['tag_prefix']}{one.name}":
            tags[one.name] = spans[0].tag
    return tags


def _span(span: Span, source: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"tag": span.tag}
    if span.source != source:
        entry["source"] = span.source
    if span.start_ns != ALWAYS:
        entry["valid_from"] = iso(span.start_ns)
    if span.end_ns is not None:
        entry["valid_to"] = iso(span.end_ns)
    return entry
