"""`lineshaft doctor` looks outside: whether the ERP, the other maintenance system, the feeds and the webhooks can be reached."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from lineshaft.app import read_settings
from lineshaft.core import LineshaftError
from lineshaft.detect import Trainings, TrainingSettings
from lineshaft.maintain import make_connector
from lineshaft.production import FeedEntry
from lineshaft.store import TiersSettings, try_bucket

Finding = tuple[str, str, str, str]
"""(name, ok|warn|fail, message, hint)"""


def outside_answers(home: Path) -> Iterator[Finding]:
    """Reach every system this node hands something to; a secret that is missing is named, none is shown."""
    try:
        settings = read_settings(home)
    except LineshaftError:
        return  # told by the check of the settings
    chosen = settings.maintain
    for what, name, options in (("erp", chosen.erp, chosen.erp_options), ("cmms", chosen.cmms, chosen.cmms_options)):
        if name:
            yield _reach(home, what, name, options)
    for entry in settings.feeds.entries:
        yield _feed(entry)
    for hook in settings.webhooks.entries:
        yield _receiver(hook.name, hook.url, hook.secret_env)
    if settings.tiers.bucket:
        yield _bucket(settings.tiers)
    if settings.training.scheduler:
        yield _trainings(settings.training)


def _reach(home: Path, what: str, name: str, options: Mapping[str, Any]) -> Finding:
    try:
        return f"{what} {name}", "ok", make_connector(home, name, options, what).check(), ""
    except LineshaftError as error:
        return f"{what} {name}", "fail", f"{error.where}: {error.what}" if error.where else error.what, error.hint


def _bucket(tiers: TiersSettings) -> Finding:
    """Ask the bucket whether it answers, takes our keys and keeps its word on conditional puts."""
    try:
        try_bucket(tiers)
    except LineshaftError as error:
        return "object storage", "fail", f"{error.where}: {error.what}", error.hint
    return "object storage", "ok", f"{tiers.where} answers and keeps conditional puts", ""


def _trainings(chosen: TrainingSettings) -> Finding:
    """Ask the Dask scheduler whether it answers, and which of its workers are like this node."""
    try:
        there, odd = Trainings(chosen).engine.look()
    except LineshaftError as error:
        return "trainings", "fail", f"{error.where}: {error.what}" if error.where else error.what, error.hint
    return "trainings", "warn" if odd else "ok", f"{there}; {odd}" if odd else there, "install the same there"


def _feed(entry: FeedEntry) -> Finding:
    """Look whether a feed can be made, its secrets are there, and its folder or database answers; nothing is read."""
    name, options = f"feed {entry.name}", dict(entry.model_extra or {})
    try:
        entry.build()
    except LineshaftError as error:
        return name, "fail", f"{error.where}: {error.what}" if error.where else error.what, error.hint
    for key in ("url_env", "secret_env"):
        word = str(options.get(key) or "")
        if word and not os.environ.get(word):
            return name, "fail", f"{key}: the environment variable {word} is not set", "set it where the node is started"
    if options.get("folder") and not Path(str(options["folder"])).is_dir():
        return name, "warn", f"there is no folder {options['folder']}", "make it, or correct folder in [[feeds]]"
    url = str(options.get("url") or os.environ.get(str(options.get("url_env") or ""), ""))
    return _database(name, url) if entry.type == "sql" else (name, "ok", f"is read every {entry.every}", "")


def _database(name: str, url: str) -> Finding:
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect():
            return name, "ok", f"{engine.url.render_as_string(hide_password=True)} answers", ""
    except (SQLAlchemyError, ImportError, ValueError) as error:
        said = (str(getattr(error, "orig", None) or error).splitlines() or [""])[0]
        return name, "fail", f"the database does not answer: {said}", "look at url_env, the driver and the network"


def _receiver(name: str, url: str, secret_env: str) -> Finding:
    """Open a connection to a receiver; nothing is sent, as a message would be taken for one."""
    if not os.environ.get(secret_env):
        return f"webhook {name}", "fail", f"the environment variable {secret_env} is not set", "set it where the node is started"
    where = urlsplit(url)
    try:
        with socket.create_connection((str(where.hostname), where.port or (443 if where.scheme == "https" else 80)), timeout=5):
            return f"webhook {name}", "ok", f"{where.hostname} takes connections", ""
    except (OSError, ssl.SSLError) as error:
        return f"webhook {name}", "warn", f"{where.hostname} does not answer: {error}", "messages wait and are tried again"
