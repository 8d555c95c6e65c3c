"""The plant's register of its edge nodes: who was invited, who is enrolled until when, who is shut out, and how they are."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.connect.authority import Authority, fingerprint
from lineshaft.connect.edge.settings import EdgesSettings
from lineshaft.connect.edge.versions import Versions
from lineshaft.connect.tables import edges
from lineshaft.core import (
    NS,
    Conflict,
    Database,
    Forbidden,
    InvalidInput,
    NotFound,
    bump,
    did_you_mean,
    new_id,
    now_ns,
    parse_duration,
)

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,29}[a-z0-9]|[a-z0-9]")
DAY = 86_400 * NS


@dataclass(frozen=True, slots=True)
class Known:
    """The edge whose certificate somebody showed."""

    id: str
    name: str
    expires: int


class Edges:
    """The edge nodes of a plant."""

    def __init__(self, db: Database, folder: Path, settings: EdgesSettings) -> None:
        self._db = db
        self._folder = folder
        self._days = parse_duration(settings.certificate_valid) / DAY
        self.settings = settings
        self.versions = Versions(db, lambda: self.authority)

    @cached_property
    def authority(self) -> Authority:
        """The plant's CA, made on first use."""
        return Authority(self._folder)

    def begin(self) -> AbstractContextManager[Connection]:
        """Begin a transaction."""
        return self._db.begin()

    def all(self) -> list[dict[str, Any]]:
        """Return every edge, by name."""
        return self._db.rows(sa.select(edges).order_by(edges.c.name))

    def edge(self, name: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one edge. Raises NotFound."""
        found = self._db.rows(sa.select(edges).where(edges.c.name == name), tx)
        if not found:
            known = [row["name"] for row in self._db.rows(sa.select(edges.c.name), tx)]
            raise NotFound(f"there is no edge node '{name}'", hint=did_you_mean(name, known), code="edge.unknown")
        return found[0]

    def invite(self, tx: Connection, name: str, valid: int) -> dict[str, Any]:
        """Invite an edge, or a known one anew, and return the claim code; it is told this once and kept as a digest only."""
        if not NAME.fullmatch(name):
            hint = "small letters, digits and hyphens, at most 31: press-hall-2"
            raise InvalidInput(f"'{name}' cannot be the name of an edge node", hint=hint, code="edge.name")
        secret = secrets.token_hex(16)
        now = now_ns()
        values = {"claim": _digest(secret), "claim_until": now + valid, "invited": now}
        row = tx.execute(sa.select(edges.c.id).where(edges.c.name == name)).first()
        if row is None:
            tx.execute(edges.insert().values(id=new_id(), version=1, name=name, report={}, **values))
        else:
            bump(tx, edges, row.id, None, **values)
        return {"name": name, "code": f"{secret}-{fingerprint(self.authority.ca)}", "until": now + valid}

    def claimed(self, tx: Connection, secret: str, request: str) -> dict[str, Any]:
        """Take a claim, once, and sign the edge's request. Raises Forbidden with the reason."""
        row = tx.execute(sa.select(edges).where(edges.c.claim == _digest(secret))).mappings().first()
        if row is None or not secret:
            hint = "a claim is good for one enrolment: invite the edge again"
            raise Forbidden("this claim is not known here, or was used already", hint=hint, code="edge.claim-unknown")
        if row["claim_until"] < now_ns():
            raise Forbidden("this claim has expired", hint="invite the edge again", code="edge.claim-expired")
        signed = self.authority.sign(request, row["name"], self._days)
        values = {"claim": "", "claim_until": None, "enrolled": now_ns(), "revoked": None, "reason": ""}
        bump(tx, edges, row["id"], None, serial=signed[1], expires=signed[2], **values)
        return {"name": row["name"], "certificate": signed[0], "expires": signed[2]}

    def renew(self, tx: Connection, edge: Known, request: str) -> dict[str, Any]:
        """Sign a new key of an edge that showed its present certificate."""
        signed = self.authority.sign(request, edge.name, self._days)
        bump(tx, edges, edge.id, None, serial=signed[1], expires=signed[2])
        return {"name": edge.name, "certificate": signed[0], "expires": signed[2]}

    def known(self, serial: str) -> Known:
        """Return whose certificate this is. Raises Forbidden for one that was replaced, revoked or is not ours."""
        found = self._db.rows(sa.select(edges).where(edges.c.serial == serial))
        if not found:
            hint = "another enrolment took its place, or it never was: enrol anew"
            raise Forbidden("this certificate is not that of an edge node here", hint=hint, code="edge.certificate-unknown")
        row = found[0]
        if row["revoked"] is not None:
            why = f": {row['reason']}" if row["reason"] else ""
            hint = "who runs the plant can invite it again"
            raise Forbidden(f"the edge node '{row['name']}' is shut out{why}", hint=hint, code="edge.revoked")
        return Known(row["id"], row["name"], row["expires"])

    def revoke(self, tx: Connection, name: str, reason: str, version: int | None = None) -> dict[str, Any]:
        """Shut an edge out from its next request on; open claims of it end too."""
        row = self.edge(name, tx)
        if row["revoked"] is not None:
            raise Conflict(f"'{name}' is shut out already", code="edge.revoked")
        now = now_ns()
        bump(tx, edges, row["id"], version, revoked=now, reason=reason, claim="", claim_until=None)
        return {"name": name, "revoked": now}

    def reported(self, edge: Known, report: Mapping[str, Any]) -> None:
        """Keep what an edge last said of itself."""
        with self._db.begin() as tx:
            tx.execute(edges.update().where(edges.c.id == edge.id).values(seen=now_ns(), report=dict(report)))

    def deeds(self, tx: Connection, edge: Known, book: str, deeds: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return which of an edge's deeds are new, and note them in the caller's transaction."""
        row = tx.execute(sa.select(edges.c.deeds).where(edges.c.id == edge.id).with_for_update()).one()
        seen: dict[str, int] = dict(row.deeds or {})
        fresh = [one for one in deeds if int(one["number"]) > seen.get(book, 0)]
        if fresh:
            seen[book] = max(int(one["number"]) for one in fresh)
            tx.execute(edges.update().where(edges.c.id == edge.id).values(deeds=seen))
        return fresh


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
