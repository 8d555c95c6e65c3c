"""One line to an MQTT broker: session, credentials, certificates, and a message acknowledged only after it is kept.

MQTT and Sparkplug share it; gmqtt speaks the protocol. Coming back after a cut is the caller's: `session` ends with the reason.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import gmqtt
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError
from pydantic import Field

from lineshaft.core import NS, ConfigError, CredentialsError, Duration, Section, parse_duration

logging.getLogger("gmqtt").setLevel(logging.CRITICAL)  # it logs every lost line as an error; the source says it once

REFUSED = {4, 5, 133, 134, 135, 138, 140}
OLD_BROKER = {1, 132}
Take = Callable[[str, bytes, bool], Awaitable[None]]


class BrokerOptions(Section):
    """How to reach an MQTT broker."""

    url: str = Field(pattern=r"^mqtts?://.+", description="mqtt://10.0.0.5:1883, or mqtts://broker.plant:8883 (TLS).")
    client_id: str = Field(
        "", description="Our name at the broker, which keys the session; empty: lineshaft- and the source's name."
    )
    user: str = Field("", description="User name; empty is anonymous.")
    password_env: str = Field("", description="Name of the environment variable that holds the password.")
    ca: str = Field("", description="PEM file of the authority that signed the broker's certificate; empty: the system's.")
    certificate: str = Field("", description="Our certificate (PEM) for brokers that ask for one.")
    private_key: str = Field("", description="Its private key (PEM).")
    protocol: Literal["5", "3.1.1"] = Field("5", description="MQTT version; a broker that only speaks 3.1.1 is noticed.")
    keepalive: Duration = Field("15s", description="Silence twice as long is a lost line.")
    session: Duration = Field("7d", description="How long the broker keeps messages for us while we are away (QoS 1 and 2).")
    timeout: Duration = Field("10s", description="Longest wait for an answer.")

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS


class _Hands:
    """Messages that were taken and are not answered yet; when the line is closed their answers go nowhere."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._closed = False
        self._taking: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[object]] = set()

    async def take(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Return when the message is kept, or the line is closed and nobody hears the answer."""
        if self._closed:
            return
        here = asyncio.current_task()
        taking = asyncio.get_running_loop().create_task(self._taken(topic, payload, retained=retained))
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)
        if here is not None:
            self._busy.add(here)
            here.add_done_callback(self._busy.discard)
        try:
            await asyncio.wait({taking})  # on nothing that all messages share: thousands may wait for one commit
        finally:
            taking.cancel()
        if not taking.cancelled():
            taking.result()

    async def _taken(self, topic: str, payload: bytes, *, retained: bool) -> None:
        await self._take(topic, payload, retained)

    async def let_go(self) -> None:
        """Let those go that still wait, now that the line is closed."""
        self._closed = True
        for taking in tuple(self._taking):
            taking.cancel()
        if self._busy:
            await asyncio.wait(self._busy)


class Broker:
    """The line; one `session` at a time."""

    def __init__(self, name: str, options: BrokerOptions) -> None:
        self._options = options
        self._id = options.client_id or f"lineshaft-{name}"
        self._version = MQTTv50 if options.protocol == "5" else MQTTv311
        self._client: gmqtt.Client | None = None

    @asynccontextmanager
    async def session(
        self, take: Take, filters: Sequence[tuple[str, int]], will: tuple[str, bytes] | None = None, *, retain_will: bool = True
    ) -> AsyncGenerator[asyncio.Future[str]]:
        """Be connected and subscribed; the future given ends with the reason when the line is lost.

        `take(topic, payload, retained)` is awaited before a QoS 1 or 2 message is acknowledged. Raises CredentialsError,
        ConfigError, OSError or TimeoutError.
        """
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        hands = _Hands(take)
        message = gmqtt.Message(will[0], will[1], qos=1, retain=retain_will) if will else None
        client = self._make(hands, lost, message)
        try:
            await self._connect(client, lost)
            if filters:
                await self._subscribe(client, filters, lost)
            self._client = client
            yield lost
        finally:
            self._client = None
            lost.cancel()
            with suppress(Exception):
                await asyncio.wait_for(client.disconnect(), 2.0)
            await hands.let_go()

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Send a message. Raises OSError when the line is down."""
        if self._client is None or not self._client.is_connected:
            raise ConnectionError("the broker is not connected")
        self._client.publish(topic, payload, qos=qos, retain=retain)

    def _make(self, hands: _Hands, lost: asyncio.Future[str], message: gmqtt.Message | None) -> gmqtt.Client:
        expiry = int(self._options.seconds("session"))
        more: dict[str, Any] = {"session_expiry_interval": expiry} if self._version == MQTTv50 else {}
        client = gmqtt.Client(self._id, clean_session=expiry == 0, optimistic_acknowledgement=False, will_message=message, **more)
        client.set_config({"reconnect_retries": 0, "reconnect_delay": 0})
        if self._options.user:
            client.set_auth_credentials(self._options.user, self._password())

        async def on_message(_client: object, topic: str, payload: bytes, _qos: int, properties: dict[str, Any]) -> int:
            await hands.take(topic, payload, retained=bool(properties.get("retain")))
            return 0

        def on_disconnect(_client: object, _packet: object, error: Exception | None = None) -> None:
            if not lost.done():
                lost.set_result(str(error) if error else "the broker closed the line")

        client.on_message = on_message
        client.on_disconnect = on_disconnect
        return client

    def _password(self) -> str:
        name = self._options.password_env
        if name and name not in os.environ:
            raise ConfigError(f"the environment variable {name} is not set", hint="it holds the broker's password")
        return os.environ.get(name, "")

    async def _connect(self, client: gmqtt.Client, lost: asyncio.Future[str]) -> None:
        parts = urlsplit(self._options.url)
        if not parts.hostname:
            raise ConfigError(f"{self._options.url} names no host", hint="write mqtt://10.0.0.5:1883")
        tls = parts.scheme == "mqtts"
        try:
            async with asyncio.timeout(self._options.seconds("timeout")):
                await self._call(client, parts.hostname, parts.port or (8883 if tls else 1883), lost, tls=tls)
        except MQTTConnectError as error:
            code = getattr(error, "_code", 0)
            if code in REFUSED:
                raise CredentialsError(
                    f"the broker refuses us: {error}", hint="check `user`, `password_env` and client_id"
                ) from None
            if code in OLD_BROKER:
                self._version = MQTTv311
            raise ConnectionError(f"the broker refuses: {error}") from None
        except ssl.SSLError as error:
            raise _untrusted(error) from None
        except TimeoutError:
            raise TimeoutError(f"{self._options.url} does not answer") from None

    async def _call(self, client: gmqtt.Client, host: str, port: int, lost: asyncio.Future[str], *, tls: bool) -> None:
        """Connect; a broker that hangs up meanwhile is not waited for."""
        calling = asyncio.ensure_future(
            client.connect(
                host,
                port,
                ssl=cast("bool", self._tls() if tls else False),  # a context, really
                keepalive=int(self._options.seconds("keepalive")) or 15,
                version=self._version,
            )
        )
        try:
            await asyncio.wait({calling, lost}, return_when=asyncio.FIRST_COMPLETED)
            if calling.done():
                calling.result()
                return
        finally:
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
        if tls:
            what = (
                f"the broker hung up on our certificate: {lost.result()}" if self._options.certificate else "the broker hung up"
            )
            hint = "it does not trust `certificate`" if self._options.certificate else "does it ask for our `certificate`?"
            raise CredentialsError(what, hint=hint)
        raise ConnectionError(lost.result())

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._options.ca or None)
            if self._options.certificate:
                context.load_cert_chain(self._options.certificate, self._options.private_key or None)
        except OSError as error:
            raise ConfigError(
                f"a certificate file cannot be read: {error}", hint="see `ca`, `certificate`, `private_key`"
            ) from None
        return context

    async def _subscribe(self, client: gmqtt.Client, filters: Sequence[tuple[str, int]], lost: asyncio.Future[str]) -> None:
        """Subscribe and hear what the broker grants. Raises CredentialsError for a filter it refuses."""
        answered: asyncio.Future[Sequence[int]] = asyncio.get_running_loop().create_future()
        waiting: dict[int, Sequence[int]] = {}
        wanted: list[int] = []

        def on_subscribe(_client: object, mid: int, granted: Sequence[int], _properties: object) -> None:
            waiting[mid] = granted
            if wanted and wanted[0] in waiting and not answered.done():
                answered.set_result(waiting[wanted[0]])

        client.on_subscribe = on_subscribe
        wanted.append(client.subscribe([gmqtt.Subscription(name, qos=qos) for name, qos in filters]))
        async with asyncio.timeout(self._options.seconds("timeout")):
            await asyncio.wait({answered, lost}, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise ConnectionError(lost.result())
        refused = [name for (name, _), code in zip(filters, answered.result(), strict=False) if code >= 0x80]
        if refused:
            raise CredentialsError(f"the broker does not let us listen to {refused[0]}", hint="see its access list")


def _untrusted(error: ssl.SSLError) -> CredentialsError:
    """Say why TLS did not come about: the broker's certificate as a rule."""
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "name the authority that signed it in `ca`, and call it by the name that is in it"
        return CredentialsError(f"the broker's certificate is not trusted: {error.verify_message or error.reason}", hint=hint)
    hint = "is this its TLS port? a broker that asks for our certificate needs `certificate`"
    return CredentialsError(f"no TLS with the broker: {error.reason or error}", hint=hint)
