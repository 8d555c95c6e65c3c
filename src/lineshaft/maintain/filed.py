"""What a plant's files said last time: an entry that says nothing new leaves alone what people changed in the pages since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import create, metadata

filed = sa.Table(
    "maintenance_file",
    metadata,
    sa.Column("entry", sa.String(64), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
)

open_filed = create(filed)


def is_news(tx: Connection, section: str, name: str, said: Mapping[str, Any]) -> bool:
    """Say whether an entry of a file says something else than last time, and remember what it says now."""
    entry = hashlib.sha256(f"{section}:{name}".encode()).hexdigest()
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()
    before = tx.execute(sa.select(filed.c.digest).where(filed.c.entry == entry)).scalar()
    if before is None:
        tx.execute(filed.insert().values(entry=entry, digest=digest))
    elif before != digest:
        tx.execute(filed.update().where(filed.c.entry == entry).values(digest=digest))
    return before != digest
