"""Devices that may publish to us: each with a name, a secret of its own, and the topics it may use; never anonymous.

The database is the truth; HOME/devices.json is what the listener reads, written anew after every change and at each start. A
secret is told once and kept as a digest: it is random, so a plain digest is as hard to turn back as the secret is to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.connect.tables import devices
from lineshaft.core import Conflict, Database, InvalidInput, NotFound, bump, did_you_mean, new_id, now_ns

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
OWN = "{name}/#"
"""What a device may publish to unless somebody says otherwise: below its own name."""


class Devices:
    """The register of a home."""

    def __init__(self, db: Database, home: Path) -> None:
        self._db = db
        self._home = home

    def all(self) -> list[dict[str, Any]]:
        """Return every device by name, with when it was last heard, and from where."""
        seen = DeviceFile(self._home).seen()
        rows = self._db.rows(sa.select(devices).order_by(devices.c.name))
        return [
            {
                **{key: row[key] for key in ("name", "topics", "note", "created", "revoked", "version")},
                **_heard(seen.get(row["name"])),
            }
            for row in rows
        ]

    def create(self, tx: Connection, name: str, topics: Sequence[str] = (), note: str = "") -> dict[str, Any]:
        """Add a device, or give a revoked one a new secret; the secret is told this once."""
        if not NAME.fullmatch(name):
            hint = "letters, digits, dots, hyphens and underlines, at most 63: dryer-3"
            raise InvalidInput(f"'{name}' cannot be the name of a device", hint=hint, code="device.name")
        chosen = [_filter(topic) for topic in topics] or [OWN.format(name=name)]
        secret = secrets.token_urlsafe(24)
        values = {"digest": _digest(secret), "topics": chosen, "note": note, "revoked": None, "created": now_ns()}
        row = tx.execute(sa.select(devices.c.id, devices.c.revoked).where(devices.c.name == name)).first()
        if row is None:
            tx.execute(devices.insert().values(id=new_id(), version=1, name=name, **values))
        elif row.revoked is None:
            raise Conflict(f"there is a device '{name}' already", hint="renew its secret, or revoke it", code="device.exists")
        else:
            bump(tx, devices, row.id, None, **values)
        return {"name": name, "secret": secret, "topics": chosen}

    def renew(self, tx: Connection, name: str) -> dict[str, Any]:
        """Give a device a new secret; the old one is worth nothing from now on."""
        row = self._row(tx, name)
        secret = secrets.token_urlsafe(24)
        bump(tx, devices, row["id"], None, digest=_digest(secret))
        return {"name": name, "secret": secret, "topics": row["topics"]}

    def revoke(self, tx: Connection, name: str) -> dict[str, Any]:
        """Shut a device out; its line is cut within seconds."""
        row = self._row(tx, name)
        now = now_ns()
        bump(tx, devices, row["id"], None, revoked=now, digest="")
        return {"name": name, "revoked": now}

    def publish(self) -> None:
        """Write what the listener reads."""
        rows = self._db.rows(sa.select(devices).where(devices.c.revoked.is_(None)).order_by(devices.c.name))
        known = {row["name"]: {"digest": row["digest"], "topics": row["topics"]} for row in rows}
        DeviceFile(self._home).write(known)

    def _row(self, tx: Connection, name: str) -> dict[str, Any]:
        found = self._db.rows(sa.select(devices).where(devices.c.name == name, devices.c.revoked.is_(None)), tx)
        if not found:
            known = [row["name"] for row in self._db.rows(sa.select(devices.c.name), tx)]
            raise NotFound(f"there is no device '{name}'", hint=did_you_mean(name, known), code="device.unknown")
        return found[0]


class DeviceFile:
    """What the listener knows of devices, and what it tells of them: two small files of the home."""

    def __init__(self, home: Path) -> None:
        self._known, self._seen = home / "devices.json", home / "devices-seen.json"
        self._mark: tuple[int, int] | None = None
        self._devices: dict[str, Any] = {}

    def write(self, known: Mapping[str, Any]) -> None:
        """Write the devices that may publish."""
        _replace(self._known, known)

    def fresh(self) -> bool:
        """Read the file if it was written since; return whether it was."""
        try:
            about = self._known.stat()
            mark = about.st_mtime_ns, about.st_ino
        except OSError:
            mark = None
        if mark == self._mark:
            return False
        self._devices = _read(self._known)
        self._mark = mark
        return True

    def admits(self, name: str, secret: bytes) -> bool:
        """Whether this is the secret of a device that may publish."""
        kept = self._devices.get(name)
        return kept is not None and hmac.compare_digest(str(kept["digest"]), _digest(secret))

    def digest(self, name: str) -> str:
        """Return the digest of a device's secret now; empty for one that may not publish."""
        kept = self._devices.get(name)
        return str(kept["digest"]) if kept else ""

    def topics(self, name: str) -> list[str]:
        """Return the filters of the topics a device may publish to."""
        kept = self._devices.get(name)
        return [str(topic) for topic in kept["topics"]] if kept else []

    def tell(self, seen: Mapping[str, Any]) -> None:
        """Keep when each device was last heard."""
        _replace(self._seen, {**self.seen(), **seen})

    def seen(self) -> dict[str, Any]:
        """Return when each device was last heard, from where, and how many messages it sent."""
        return _read(self._seen)


def fits(pattern: str, topic: str) -> bool:
    """Whether a topic fits a filter.

    >>> fits("hall/+/temp", "hall/3/temp"), fits("dryer-3/#", "dryer-3"), fits("dryer-3/#", "dryer-31/x")
    (True, True, False)
    """
    wanted, here = pattern.split("/"), topic.split("/")
    for i, level in enumerate(wanted):
        if level == "#":
            return True
        if i >= len(here) or level not in ("+", here[i]):
            return False
    return len(wanted) == len(here)


def _filter(text: str) -> str:
    levels = text.split("/")
    if (
        not text
        or "#" in levels[:-1]
        or any(len(level) > 1 and set(level) & set("+#") for level in levels)
        or text.startswith("$")
    ):
        raise InvalidInput(f"'{text}' is no topic filter", hint="+ stands for a whole level, # for the rest", code="device.topic")
    return text


def _heard(seen: Any) -> dict[str, Any]:
    kept = cast("dict[str, Any]", seen) if isinstance(seen, dict) else {}
    return {
        "seen": kept.get("at"),
        "address": kept.get("from", ""),
        "messages": kept.get("messages", 0),
        "online": bool(kept.get("online")),
    }


def _digest(secret: str | bytes) -> str:
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    made = path.with_suffix(".new")
    made.touch(mode=0o600)
    made.write_text(json.dumps(content), "utf-8")
    made.replace(path)
