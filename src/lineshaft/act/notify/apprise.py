"""Apprise carries a message to whatever the address names: mail, ntfy, Teams, MQTT, a web hook. The only file that knows it."""

from __future__ import annotations

import logging
import re
import warnings
from io import StringIO
from typing import Any
from urllib.parse import quote

import apprise

from lineshaft.core import ConfigError, Retryable

with warnings.catch_warnings():  # it still looks for a module of Python's that is going away
    warnings.simplefilter("ignore", DeprecationWarning)
    apprise.Apprise.instantiate("json://localhost")  # has it load its services now, not at the first message

_SECRETIVE = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_KINDS = {1: apprise.NotifyType.FAILURE, 2: apprise.NotifyType.WARNING}


def address_in(url: str, address: str) -> str:
    """Return an address with a person's own part put in, quoted: it can name nothing but itself.

    >>> address_in("mailto://mail.example?to={address}", "anna@example.com&smtp=evil")
    'mailto://mail.example?to=anna%40example.com%26smtp%3Devil'
    """
    return url.replace("{address}", quote(address, safe=""))


def deliver(name: str, url: str, title: str, text: str, priority: int) -> None:
    """Send one message. Raises ConfigError for an address nobody understands, Retryable when it did not arrive."""
    target: Any = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if target is None:
        hint = "see the Apprise documentation for how the address of this service is written"
        raise ConfigError(f"the address of channel '{name}' cannot be used", where=name, hint=hint, code="notify.address")
    kind = _KINDS.get(priority, apprise.NotifyType.INFO)
    with apprise.LogCapture(level=logging.INFO, fmt="%(message)s") as said:
        arrived = target.notify(body=text, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT)
        log = said.getvalue() if isinstance(said, StringIO) else ""
    if not arrived:
        reason = _SECRETIVE.sub("***", " ".join(log.split()))[:300] or "no reason was given"
        raise Retryable(
            f"channel '{name}': {reason}", where=name, hint="look at the address and the receiver", code="notify.failed"
        )
