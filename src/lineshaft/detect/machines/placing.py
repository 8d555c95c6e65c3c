"""Where a version works: at this node, or at an edge, whose values say what it finds. It has one place at a time."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import InvalidInput
from lineshaft.detect.model_tables import versions
from lineshaft.detect.place_tables import places

SOURCE = re.compile(r"[a-z0-9-]{1,31}/[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")


def place_of(tx: Connection, version_id: str) -> str:
    """Return the source of the edge a version works at, empty if it works here."""
    return str(tx.execute(sa.select(places.c.source).where(places.c.version_id == version_id)).scalar() or "")


def put(tx: Connection, version_id: str, source: str, now: int) -> bool:
    """Put a version to an edge, or back here (empty); return whether it moved. What it remembered elsewhere is not used."""
    if source and SOURCE.fullmatch(source) is None:
        hint = "the name of the edge node and that of its detector: press-hall-2/pump 3"
        raise InvalidInput(f"'{source}' is no detector of an edge node", where="place", hint=hint, code="models.place")
    if place_of(tx, version_id) == source:
        return False
    tx.execute(places.delete().where(places.c.version_id == version_id))
    if source:
        tx.execute(places.insert().values(version_id=version_id, source=source, since=now, repaired=None))
    mine = versions.c.id == version_id
    through = sa.case((versions.c.through > now, versions.c.through), else_=now)
    tx.execute(versions.update().where(mine).values(memory="", through=through))
    return True


def begin(tx: Connection, version_id: str, now: int) -> None:
    """Listen from now on: what an edge found while its version did not work is no finding."""
    tx.execute(places.update().where(places.c.version_id == version_id).values(since=now))


def show_from(tx: Connection, assets: Assets, path: str, source: str, tag: str, at: int) -> None:
    """Have a property show a tag from a moment on, unless it does."""
    spans = assets.spans(assets.property(path).id)
    if spans and spans[-1].end_ns is None and (spans[-1].source, spans[-1].tag) == (source, tag):
        return
    assets.bind(tx, path, source, tag, at, move=True)
