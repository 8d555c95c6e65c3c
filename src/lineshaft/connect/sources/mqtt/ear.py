"""The MQTT source as its own end of the line: devices call us, with a name and a secret each, over TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from lineshaft.connect.listener import DeviceFile, Listener
from lineshaft.connect.listener.certificate import context, own_context
from lineshaft.connect.places import home
from lineshaft.connect.sources.mqtt.options import MqttOptions
from lineshaft.core import ConfigError

Take = Callable[[str, bytes, bool], Awaitable[None]]


class Ear:
    """A listener with the options of the source."""

    def __init__(self, options: MqttOptions) -> None:
        self._options = options
        self._listener: Listener | None = None
        self.port = 0

    async def run(self, take: Take, reject: Callable[[str, str, int], None], changed: Callable[[], None]) -> None:
        """Listen until cancelled. Raises OSError when the address cannot be had, ConfigError for unreadable certificates."""
        folder, parts = home(), urlsplit(self._options.url)
        secure = parts.scheme == "listens"
        tls = await asyncio.to_thread(self._tls, folder) if secure else None
        listener = self._listener = Listener(DeviceFile(folder), self._options.largest)
        port = (8883 if secure else 1883) if parts.port is None else parts.port
        async with listener.open(parts.hostname or "0.0.0.0", port, tls, take, reject, changed) as self.port:  # noqa: S104 - as written
            changed()
            await asyncio.Event().wait()

    @property
    def remark(self) -> str:
        """What to say of the listener."""
        listener = self._listener
        if listener is None:
            return ""
        told = [f"{listener.online} devices connected at port {self.port}"]
        if self._options.url.startswith("listen://"):
            told.append("without TLS: names and secrets can be read on the way")
        if listener.refused:
            told.append(f"{listener.refused} calls refused, the last of {listener.last_refusal}")
        return "; ".join(told)

    def _tls(self, home: Path) -> ssl.SSLContext:
        options = self._options
        if not options.certificate:
            return own_context(home / "devices-ca", options.names)
        try:
            return context(Path(options.certificate), Path(options.private_key) if options.private_key else None)
        except OSError as error:
            hint = "see `certificate`, `private_key`"
            raise ConfigError(f"a certificate file cannot be read: {error}", hint=hint) from None
