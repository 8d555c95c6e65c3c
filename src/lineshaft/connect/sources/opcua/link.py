"""The line to one OPC UA server: socket, secure channel and session, resumed where the server still has them.

asyncua does transport, security and services; when to reconnect and what to do then is ours, because its stock
reconnect loses the whole outage against servers that refuse TransferSubscriptions.
"""

# pyright: reportPrivateImportUsage=false
# asyncua re-exports its names without saying so
from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
from pathlib import Path
from typing import Any

from asyncua import Client, ua
from asyncua.crypto import security_policies
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography.x509.oid import ExtendedKeyUsageOID

from lineshaft.connect.places import home
from lineshaft.connect.sources.opcua.frames import Frames
from lineshaft.connect.sources.opcua.options import OpcuaOptions
from lineshaft.connect.trust import STANDS_FOR, TrustList, age_of
from lineshaft.core import ConfigError, CredentialsError

APPLICATION_URI = "urn:lineshaft:edge"
POLICIES: dict[str, Any] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
REFUSALS = frozenset(
    {
        ua.StatusCodes.BadUserAccessDenied,
        ua.StatusCodes.BadIdentityTokenRejected,
        ua.StatusCodes.BadIdentityTokenInvalid,
        ua.StatusCodes.BadSecurityChecksFailed,
        ua.StatusCodes.BadCertificateUntrusted,
        ua.StatusCodes.BadCertificateUriInvalid,
        ua.StatusCodes.BadSecurityPolicyRejected,
    }
)
log = logging.getLogger("lineshaft.connect.opcua")
logging.getLogger("asyncua").setLevel(logging.ERROR)  # what it warns of is told by our status, in plain words


def pki_folder() -> Path:
    """Return the folder of our keys: HOME/pki."""
    return home() / "pki"


def memory_folder() -> Path:
    """Return the folder of what sources remember of their servers: HOME/opcua."""
    return home() / "opcua"


class Link:
    """One client of one server; `open` says whether the session, and with it the subscription, is still the old one."""

    def __init__(self, name: str, options: OpcuaOptions) -> None:
        self.name = name
        self.options = options
        self._client: Client | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._warned = False
        self.trust = TrustList(pki_folder())
        self._trusted_as = STANDS_FOR.get() or name

    @property
    def client(self) -> Client:
        """The connected client."""
        if self._client is None:
            raise ConnectionError("the line is not open")
        return self._client

    @property
    def session(self) -> Any:
        """The services of the session."""
        return self.client.uaclient.session

    async def open(self) -> bool:
        """Connect; return True if the server still knew our session. Raises CredentialsError if it refuses us."""
        try:
            if self._client is not None and self._client.uaclient.has_session and await self._resume(self._client):
                return True
            self._client = await self._make()
            await self._channel(self._client)
            await self._client.create_session()
            await self._activate(self._client)
        except UaStatusCodeError as error:
            self.drop()
            if error.code in REFUSALS:
                raise CredentialsError(
                    f"the server refuses us: {_name(error)}",
                    where=self.options.url,
                    hint="check user, password_env or user_certificate, and that the server trusts our certificate",
                ) from error
            raise
        except BaseException:
            self.drop()
            raise
        self._renew()
        return False

    async def _resume(self, client: Client) -> bool:
        """Open a new channel and bring the old session onto it; False if the server has forgotten it."""
        await self._channel(client)
        client.uaclient.session.rebind_authentication_token()
        try:
            await self._activate(client)
        except UaStatusCodeError as error:
            log.info("%s: the old session is gone (%s)", self.name, _name(error))
            client.disconnect_socket()
            self._client = None
            return False
        self._renew()
        return True

    async def _make(self) -> Client:
        options = self.options
        client = Client(options.url, timeout=options.seconds("timeout"))
        client.uaclient.pre_request_hook = None
        client.application_uri = APPLICATION_URI
        client.name = client.description = f"Lineshaft {self.name}"
        client.session_timeout = int(options.seconds("lifetime") * 1000)
        if options.user:
            client.set_user(options.user)
            client.set_password(self._password())
        if options.security == "None":
            if not self._warned:
                log.warning("%s: security is None: readable by and provable to nobody; for demos on one box only", self.name)
            self._warned = True
        else:
            await self._secure(client)
        if options.user_certificate:
            await self._user_certificate(client)
        return client

    async def _user_certificate(self, client: Client) -> None:
        """Read the certificate that proves who we are. Raises ConfigError."""
        try:
            await client.load_client_certificate(self.options.user_certificate)
            await client.load_private_key(Path(self.options.user_key))
        except (OSError, ValueError) as error:
            what, hint = f"the user's certificate cannot be read: {error}", "see `user_certificate` and `user_key`"
            raise ConfigError(what, where=f"source '{self.name}'", hint=hint) from None

    def _password(self) -> str:
        name = self.options.password_env
        if not name:
            return ""
        if name not in os.environ:
            raise ConfigError(
                f"the environment variable {name} is not set", where=f"source '{self.name}'", hint="it holds the password"
            )
        return os.environ[name]

    async def _secure(self, client: Client) -> None:
        options = self.options
        certificate, key = Path(options.certificate), Path(options.private_key)
        if not options.certificate:
            folder = pki_folder()
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            certificate, key = folder / "edge.der", folder / "edge.pem"
            await setup_self_signed_certificate(
                key,
                certificate,
                APPLICATION_URI,
                "localhost",
                [ExtendedKeyUsageOID.CLIENT_AUTH],
                {"organizationName": "Lineshaft"},
            )
        mode = ua.MessageSecurityMode[options.mode]
        policy = POLICIES[options.security]
        await client.set_security(policy, certificate, key, server_certificate=options.server_certificate or None, mode=mode)
        self._trust(client)

    def _trust(self, client: Client) -> None:
        """Hold the server to the certificate that was trusted. Raises CredentialsError for another."""
        seen = client.security_policy.peer_certificate
        if self.options.server_certificate or seen is None:
            return
        if self.trust.meet(self._trusted_as, seen, first_sight=self.options.trust == "first-sight"):
            log.warning("%s: trusting the server's certificate on first sight, kept in HOME/pki/trusted", self.name)

    @property
    def remark(self) -> str:
        """What to say of the server's certificate: that it expires soon, or did; nothing as a rule."""
        secured = self._client is not None and self.options.security != "None"
        seen = self.client.security_policy.peer_certificate if secured else None
        return age_of(seen) if seen else ""

    def trusted(self) -> bytes | None:
        """Return the certificate this server is held to now: a change of it is a reason to call at once."""
        return self.trust.held(self._trusted_as)

    async def _channel(self, client: Client) -> None:
        await client.connect_socket()
        await client.send_hello()
        try:
            await client.open_secure_channel()
            Frames(client.uaclient.protocol)
        except AssertionError:  # what asyncua makes of a refusal in place of the channel
            raise CredentialsError(
                "the server refuses the secure channel",
                where=self.options.url,
                hint="see that the server trusts our certificate (HOME/pki/edge.der), and offers this security policy",
            ) from None

    async def _activate(self, client: Client) -> None:
        options = self.options
        await client.activate_session(
            username=options.user or None,
            password=self._password() if options.user else None,
            certificate=client.user_certificate,
        )

    def _renew(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
        self._renewing = asyncio.create_task(self._renew_for_ever(self.client), name=f"opcua:{self.name}:renew")

    async def _renew_for_ever(self, client: Client) -> None:
        """Renew the channel's keys at three quarters of their life."""
        with contextlib.suppress(ConnectionError, TimeoutError, UaStatusCodeError):
            while True:
                await asyncio.sleep(client.secure_channel_timeout * 0.75 / 1000)
                await client.open_secure_channel(renew=True)
                client.uaclient.revolve_security_token()

    def drop(self) -> None:
        """Let go of socket and channel, keep the session: the server goes on collecting for us."""
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        if self._client is not None:
            protocol = self._client.uaclient.protocol
            if protocol is not None and protocol.transport is not None:
                protocol.transport.abort()
            self._client.disconnect_socket()

    def forget(self) -> None:
        """Forget the session as well: the next `open` makes a new one."""
        self.drop()
        self._client = None

    async def close(self) -> None:
        """Say goodbye: the server deletes session and subscription."""
        client, self._client = self._client, None
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        if client is None:
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(2):
                await client.uaclient.close_session(True)
                await client.close_secure_channel()
        client.disconnect_socket()


def _name(error: UaStatusCodeError) -> str:
    return ua.StatusCode(error.code).name


def reason(error: BaseException) -> str:
    """Return one plain sentence for whatever ended a line."""
    if isinstance(error, UaStatusCodeError):
        return f"the server says {_name(error)}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens at this address"
    if isinstance(error, OSError | ssl.SSLError):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"
