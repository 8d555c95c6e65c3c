"""The inventory of OT systems: who was found where, whose it is, what is open about it, when it was seen first and last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.connect.discovery.found import Found
from lineshaft.connect.tables import systems
from lineshaft.core import Database, InvalidInput, NotFound, bump, did_you_mean, new_id

STATUSES = ("new", "known", "connected", "ignored", "retired")
"""New until a person has said something; known: it is ours; connected: a source listens; ignored; retired: it is gone."""
EDITABLE = ("owner", "status", "note", "name")


class Inventory:
    """The register of OT systems."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> list[dict[str, Any]]:
        """Return every system, by protocol and address."""
        return self._db.rows(sa.select(systems).order_by(systems.c.protocol, systems.c.address))

    def one(self, system: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one system. Raises NotFound."""
        found = self._db.rows(sa.select(systems).where(systems.c.id == system), tx)
        if not found:
            raise NotFound(f"there is no system '{system}' in the inventory", code="discovery.unknown")
        return found[0]

    def edit(self, tx: Connection, system: str, changes: Mapping[str, str], version: int | None = None) -> dict[str, Any]:
        """Note whose a system is, what it is to us, and what a person has to say of it."""
        status = changes.get("status", "new")
        if status not in STATUSES:
            raise InvalidInput(f"'{status}' is no status", hint=did_you_mean(status, STATUSES), code="discovery.status")
        self.one(system, tx)
        values = {name: value.strip() for name, value in changes.items() if name in EDITABLE}
        return {"id": system, "version": bump(tx, systems, system, version, **values)}

    def take(self, tx: Connection, found: Iterable[Found], at: int) -> dict[str, int]:
        """Keep who was found; what a person wrote stays. Return how many are new and how many were known."""
        count = {"new": 0, "known": 0}
        for one in found:
            told = {"maker": one.maker, "model": one.model, "gaps": list(one.gaps), "facts": dict(one.facts)}
            there = (systems.c.protocol == one.protocol) & (systems.c.address == one.address)
            before = tx.execute(sa.select(systems.c.id, systems.c.name).where(there)).first()
            if before is None:
                first = {"id": new_id(), "version": 1, "status": "new", "owner": "", "note": "", "first_seen": at}
                tx.execute(
                    systems.insert().values(
                        **first, **told, protocol=one.protocol, address=one.address, name=one.name, last_seen=at
                    )
                )
            else:
                name = before.name or one.name
                bump(tx, systems, before.id, None, **told, name=name, last_seen=at, silent_since=None)
            count["known" if before else "new"] += 1
        return count

    def missed(self, tx: Connection, hosts: Collection[str], protocols: Collection[str], began: int, at: int) -> int:
        """Note the systems of a network that was looked through to the end that did not answer; return how many."""
        gone = 0
        quiet = sa.select(systems.c.id, systems.c.address).where(
            systems.c.protocol.in_(list(protocols)), systems.c.last_seen < began, systems.c.silent_since.is_(None)
        )
        for row in tx.execute(quiet).all():
            if row.address.partition(" ")[0].rpartition(":")[0] in hosts:
                bump(tx, systems, row.id, None, silent_since=at)
                gone += 1
        return gone
