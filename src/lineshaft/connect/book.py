"""The book of sources: those written in settings.toml, and those added while the node runs, which begin at once.

What is added here can only read: the writer's allow-list is in settings.toml and knows no other source. It names no
password, only a variable that holds one, whose name begins with SOURCE_, and no file outside the home: whoever may add a
machine is thereby not given this computer.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from lineshaft.connect.gateway import Gateway
from lineshaft.connect.inside import Browser, inside_plugins
from lineshaft.connect.rehearsal import LONGEST, read_once
from lineshaft.connect.settings import SourceEntry, SourcesSettings, source_plugins
from lineshaft.connect.sight import Wish
from lineshaft.connect.source import Source, SourceState, SourceStatus
from lineshaft.connect.tables import added
from lineshaft.core import (
    ConfigError,
    Conflict,
    Database,
    Forbidden,
    InvalidInput,
    LineshaftError,
    NotFound,
    after_commit,
    bump,
    explain,
    new_id,
    now_ns,
)

log = logging.getLogger("lineshaft.connect")
FILES = ("tags_file", "certificate", "private_key", "server_certificate", "ca", "folder", "errors", "file")
"""Options that name a file or folder of this computer."""
VARIABLE = re.compile(r"^SOURCE_[A-Z0-9_]+$")


class SourceBook:
    """Every source of a node, wherever it was written, and the only way to add one while it runs."""

    def __init__(self, db: Database, gateway: Gateway, written: SourcesSettings, home: Path) -> None:
        self._db, self._gateway, self._written, self._home = db, gateway, written, home
        self.browser = Browser()

    def start(self) -> None:
        """Hand the gateway what was added; one that cannot be built any more says why and stops no other."""
        for row in self._db.rows(sa.select(added).order_by(added.c.name)):
            if row["paused"]:
                continue
            try:
                self._gateway.change(row["name"], self._entry(row["name"], row["type"], row["options"]).build(where="added"))
            except LineshaftError as error:
                log.warning("source %s: %s", row["name"], error)
                self._gateway.tell(f"source:{row['name']}", f"source {row['name']} cannot begin: {error}", severity="error")

    def all(self) -> list[dict[str, Any]]:
        """Return every source with where it is written, how it is, and its options (secrets in addresses left out)."""
        statuses = {status.name: status for status in self._gateway.statuses()}
        here = [
            {"id": None, "name": e.name, "type": e.type, "options": told(e.model_extra or {}), "paused": False, "version": None}
            | {"written": "settings.toml", "by": None, "at": None}
            for e in self._written.entries
        ]
        rows = self._db.rows(sa.select(added).order_by(added.c.name))
        here += [{**row, "options": told(row["options"]), "written": "here"} for row in rows]
        return [{**row, "status": statuses.get(str(row["name"])) or _silent(row)} for row in here]

    def one(self, source: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return an added source by its id. Raises NotFound."""
        found = self._db.rows(sa.select(added).where(added.c.id == source), tx)
        if not found:
            hint = "sources of settings.toml are changed there"
            raise NotFound(f"no source '{source}' was added here", hint=hint, code="source.unknown")
        return found[0]

    def add(self, tx: Connection, name: str, kind: str, options: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Add a source; it begins once the transaction is committed. Raises InvalidInput, Forbidden or Conflict."""
        entry = self._allowed(name, kind, options)
        taken = {one.name for one in self._written.entries} | {s.name for s in self._gateway.sources()}
        if name in taken or tx.execute(sa.select(added.c.id).where(added.c.name == name)).first() is not None:
            hint = "a name identifies a source's values for ever: take another one"
            raise Conflict(f"there is a source '{name}' already", hint=hint, code="source.taken")
        source = _built(entry)
        row = {"id": new_id(), "version": 1, "name": name, "type": kind, "options": dict(options), "paused": False}
        tx.execute(added.insert().values(**row, at=now_ns(), by=by))
        after_commit(tx, lambda: self._gateway.change(name, source))
        return {"id": row["id"], "name": name, "version": 1}

    def change(
        self, tx: Connection, source: str, version: int | None, options: Mapping[str, Any] | None, *, paused: bool | None
    ) -> dict[str, Any]:
        """Give an added source other options, pause it or let it go on; its name and protocol stay."""
        row = self.one(source, tx)
        chosen = dict(options) if options is not None else dict(row["options"])
        still = row["paused"] if paused is None else paused
        ready = _built(self._allowed(row["name"], row["type"], chosen))
        new = bump(tx, added, source, version, options=chosen, paused=still)
        after_commit(tx, lambda: self._gateway.change(row["name"], None if still else ready))
        return {"id": source, "name": row["name"], "version": new}

    def remove(self, tx: Connection, source: str) -> dict[str, Any]:
        """Listen to an added source no longer; its values stay under its name."""
        row = self.one(source, tx)
        tx.execute(added.delete().where(added.c.id == source))
        after_commit(tx, lambda: self._gateway.change(row["name"], None))
        return {"id": source, "name": row["name"]}

    def look(self, name: str, kind: str, options: Mapping[str, Any], wish: Wish, ticket: str) -> dict[str, Any]:
        """Return what lies inside a source to be, for a person who picks: it is read, slowly, and nothing is kept."""
        return self.browser.look(self._allowed(name, kind, options), wish, ticket)

    def rehearse(self, name: str, kind: str, options: Mapping[str, Any], longest: float = LONGEST) -> dict[str, Any]:
        """Read a source once, without adding it: nothing is kept, nothing is written anywhere."""
        entry = self._allowed(name, kind, options)
        _built(entry)
        return read_once(entry, longest)

    def rehearse_written(self, name: str, longest: float = LONGEST) -> dict[str, Any]:
        """Read a source of settings.toml, or an added one, once by its name. Raises NotFound."""
        entry = next((one for one in self._written.entries if one.name == name), None)
        if entry is None:
            rows = self._db.rows(sa.select(added).where(added.c.name == name))
            if not rows:
                raise NotFound(f"there is no source '{name}'", code="source.unknown")
            entry = self._entry(name, rows[0]["type"], rows[0]["options"])
        return read_once(entry, longest)

    def _entry(self, name: str, kind: str, options: Mapping[str, Any]) -> SourceEntry:
        try:
            return SourceEntry.model_validate({**options, "name": name, "type": kind})
        except ValidationError as error:
            what, hint = explain(error, SourceEntry)
            raise InvalidInput(what, hint=hint, code="source.options") from None

    def _allowed(self, name: str, kind: str, options: Mapping[str, Any]) -> SourceEntry:
        """Return the entry. Raises Forbidden where it reaches for what a page must not."""
        for option, value in options.items():
            self._check(option, value)
        return self._entry(name, kind, options)

    def _check(self, option: str, value: object) -> None:
        if isinstance(value, Mapping):
            for inner, one in cast("Mapping[str, object]", value).items():
                self._check(inner, one)
        text = value if isinstance(value, str) else ""
        if text and option.endswith("_env") and not VARIABLE.match(text):
            what = f"`{option}` of a source added here names a variable that begins with SOURCE_, not '{text}'"
            raise Forbidden(what, hint="for example SOURCE_PRESS_PASSWORD", code="source.variable")
        if text and option in FILES and not (self._home / text).resolve().is_relative_to(self._home.resolve()):
            what = f"`{option}` of a source added here lies below the home, not at {text}"
            raise Forbidden(what, hint="put the file there, or write the source in settings.toml", code="source.file")
        if option == "url" and urlsplit(text).password:
            raise Forbidden("an address holds no password", hint="name a variable in `password_env`", code="source.password")
        if option == "url" and text.startswith(("sqlite", "duckdb", "file")):
            what = "a source added here reads no database file of this computer"
            raise Forbidden(what, hint="write the source in settings.toml", code="source.file")


def _built(entry: SourceEntry) -> Source:
    """Return the source of an entry. Raises InvalidInput naming the option that is wrong."""
    try:
        return entry.build(where="the page")
    except ConfigError as error:
        raise InvalidInput(error.what, hint=error.hint, code="source.options") from None


def told(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as they may be shown: a password in an address is left out."""
    return {name: re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:...@", v) if isinstance(v, str) else v for name, v in options.items()}


def kinds() -> list[dict[str, Any]]:
    """Return every protocol with what it is, its options as a JSON schema, and why one cannot be used here."""
    found: list[dict[str, Any]] = []
    for name in source_plugins():
        try:
            options = source_plugins().load(name).Options
        except LineshaftError as error:
            found.append({"type": name, "about": "", "options": {}, "problem": str(error), "browse": False})
            continue
        about = cast("str", options.__doc__ or "").strip().partition("\n")[0]
        found.append(
            {
                "type": name,
                "about": about,
                "options": options.model_json_schema(),
                "problem": "",
                "browse": name in set(inside_plugins()),
            }
        )
    return found


def _silent(row: Mapping[str, Any]) -> SourceStatus:
    said = "paused: it is not listened to" if row["paused"] else "it could not begin: see the node's own conditions"
    return SourceStatus(str(row["name"]), SourceState.DOWN, said)
