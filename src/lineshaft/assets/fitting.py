"""Fitting a sensor position to an asset while the node runs: a child with a model of its own, its results as properties."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import books
from lineshaft.assets import tables as t
from lineshaft.assets.bind import ALWAYS, bound
from lineshaft.assets.importing import FITTED, NAMESPACE
from lineshaft.assets.model import AssetModel, Kind, check_name
from lineshaft.assets.snapshot import Snapshot
from lineshaft.assets.tree import Asset, join, property_id
from lineshaft.core import Conflict, InvalidInput, bump, new_id


@dataclass(frozen=True, slots=True)
class Fitting:
    """One position to be fitted, in the caller's transaction."""

    tx: Connection
    above: Asset
    name: str
    body: AssetModel
    source: str

    def run(self, picture: Snapshot, now: int) -> tuple[str, str]:
        """Write model, position and bindings; returns the position's id and path."""
        path = join(self.above.path, self._checked(picture))
        self._model(now)
        asset_id = self._position(picture, path)
        for one in self.body.properties:
            if one.kind is Kind.MEASUREMENT:
                identity = property_id(asset_id, one.name)
                spans = books.read_spans(self.tx, identity)
                begin = now if spans else ALWAYS
                new = bound(spans, self.source, join(path, one.name), begin)
                books.write_spans(self.tx, asset_id, identity, one.name, new)
        return asset_id, path

    def _checked(self, picture: Snapshot) -> str:
        try:
            check_name(self.name)
        except ValueError as error:
            raise InvalidInput(str(error), where="name", code="assets.name") from None
        if any(one.name == self.name for one in picture.own[self.above.id]):
            hint = "choose another name"
            raise Conflict(f"'{self.above.path}' has a property '{self.name}'", hint=hint, code="assets.name-taken")
        return self.name

    def _model(self, now: int) -> None:
        """Add the model, unless this version of it (or a newer one) is known."""
        query = sa.select(t.models.c.number).where(t.models.c.model == self.body.model)
        known = [int(number) for (number,) in self.tx.execute(query)]
        if known and max(known) >= self.body.version:
            return
        row: dict[str, Any] = {"id": new_id(), "version": 1, "model": self.body.model, "number": self.body.version}
        kept = {"body": self.body.model_dump(mode="json", exclude_unset=True), "file": "", "text": "", "lines": {}}
        self.tx.execute(t.models.insert().values(**row, **kept, valid_from=now if known else ALWAYS))

    def _position(self, picture: Snapshot, path: str) -> str:
        """Add the position, or bring back the one that was taken off; returns its id."""
        here = (t.assets.c.parent_id == self.above.id) & (t.assets.c.name == self.name)
        row = self.tx.execute(sa.select(t.assets).where(here)).mappings().first()
        if row is not None and (row["level"] != FITTED or row["retired_at"] is None):
            hint = "choose another name"
            raise Conflict(f"there is already an asset '{path}'", where="name", hint=hint, code="assets.name-taken")
        if row is not None:
            bump(self.tx, t.assets, row["id"], None, retired_at=None, model=self.body.model)
            return str(row["id"])
        fresh = str(uuid.uuid5(NAMESPACE, path))
        asset_id = fresh if fresh not in picture.assets else new_id()
        place = len(picture.children.get(self.above.id, ()))
        values: dict[str, Any] = {"name": self.name, "parent_id": self.above.id, "place": place, "level": FITTED}
        values |= {"model": self.body.model, "description": self.body.description, "timezone": "", "source": ""}
        values |= {"tag_prefix": None, "aliases": {}, "feeds": [], "constraints": [], "id_written": False, "retired_at": None}
        self.tx.execute(t.assets.insert().values(id=asset_id, version=1, **values))
        return asset_id
