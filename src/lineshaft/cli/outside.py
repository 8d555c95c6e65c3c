"""`lineshaft doctor` looks outside: whether the ERP, the other maintenance system and the webhooks can be reached."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lineshaft.app import read_settings
from lineshaft.core import LineshaftError
from lineshaft.maintain import make_connector

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
    for hook in settings.webhooks.entries:
        yield _receiver(hook.name, hook.url, hook.secret_env)


def _reach(home: Path, what: str, name: str, options: Mapping[str, Any]) -> Finding:
    try:
        return f"{what} {name}", "ok", make_connector(home, name, options, what).check(), ""
    except LineshaftError as error:
        return f"{what} {name}", "fail", f"{error.where}: {error.what}" if error.where else error.what, error.hint


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
