"""Writes to an OPC UA server: one short session a write, in the type the variable has."""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
# asyncua re-exports its names without saying so, and its int types are not int
from __future__ import annotations

import os
from typing import Any, ClassVar, Literal

from asyncua import Client, ua
from asyncua.crypto import security_policies
from asyncua.ua.uaerrors import UaError
from pydantic import Field

from lineshaft.connect.places import home
from lineshaft.core import NS, ConfigError, InvalidInput, Retryable, Section, parse_duration

Value = float | int | bool | str
POLICIES: dict[str, Any] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
WHOLE = {
    ua.VariantType.SByte: (-(2**7), 2**7 - 1),
    ua.VariantType.Byte: (0, 2**8 - 1),
    ua.VariantType.Int16: (-(2**15), 2**15 - 1),
    ua.VariantType.UInt16: (0, 2**16 - 1),
    ua.VariantType.Int32: (-(2**31), 2**31 - 1),
    ua.VariantType.UInt32: (0, 2**32 - 1),
    ua.VariantType.Int64: (-(2**63), 2**63 - 1),
    ua.VariantType.UInt64: (0, 2**64 - 1),
}
REAL = (ua.VariantType.Float, ua.VariantType.Double)


class WriteOptions(Section):
    """How to reach the server: the same words as the source of that name has."""

    url: str = Field(description="Address of the server.")
    security: Literal["None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"] = Field(
        "Basic256Sha256", description="Security policy."
    )
    mode: Literal["SignAndEncrypt", "Sign"] = Field("SignAndEncrypt", description="Message security mode.")
    certificate: str = Field("", description="Our certificate; empty: the one the source made in HOME/pki.")
    private_key: str = Field("", description="Its private key.")
    server_certificate: str = Field("", description="The server's certificate.")
    user: str = Field("", description="User name; empty is anonymous.")
    password_env: str = Field("", description="Name of the environment variable that holds the password.")
    timeout: str = Field("5s", description="Longest wait for an answer.")


class OpcuaWriter:
    """One session with one server, opened at the first read or write."""

    Options: ClassVar[type[Section]] = WriteOptions

    def __init__(self, name: str, options: WriteOptions) -> None:
        self.name = name
        self.options = options
        self._client: Client | None = None
        self._kinds: dict[str, Any] = {}

    async def read(self, tag: str) -> Value | None:
        """Return the variable's value, None if it has none that is good."""
        data = await self._ask(tag)
        if data.Value is not None:
            self._kinds[tag] = data.Value.VariantType
        value = data.Value.Value if data.Value is not None and data.StatusCode.is_good() else None
        return value if value is None or isinstance(value, bool | int | float | str) else str(value)

    async def write(self, tag: str, value: Value) -> None:
        """Write the value in the variable's own type, without timestamps: those are the server's."""
        if tag not in self._kinds:
            await self.read(tag)
        kind = self._kinds.get(tag)
        if kind is None:
            raise Retryable("the variable has no value, so its type is not known", where=f"{self.name} {tag}", code="write.type")
        variant = ua.Variant(_fitting(value, kind, f"{self.name} {tag}"), kind)
        client = await self._open()
        try:
            await client.get_node(tag).write_value(ua.DataValue(variant, StatusCode=None))
        except UaError as error:
            self._kinds.pop(tag, None)
            raise Retryable(f"the server refuses the write: {error}", where=f"{self.name} {tag}", code="write.refused") from error

    async def close(self) -> None:
        """End the session."""
        client, self._client = self._client, None
        if client is not None:
            await client.disconnect()

    async def _ask(self, tag: str) -> Any:
        client = await self._open()
        try:
            return await client.get_node(tag).read_data_value(raise_on_bad_status=False)
        except (UaError, OSError, TimeoutError) as error:
            raise Retryable(f"the server does not answer: {error}", where=f"{self.name} {tag}", code="write.no-answer") from error

    async def _open(self) -> Client:
        if self._client is not None:
            return self._client
        options = self.options
        client = Client(options.url, timeout=parse_duration(options.timeout) / NS)
        client.application_uri = "urn:lineshaft:edge"
        if options.user:
            client.set_user(options.user)
            client.set_password(self._password())
        try:
            if options.security != "None":
                await self._secure(client)
            await client.connect()
        except (UaError, OSError, TimeoutError) as error:
            raise Retryable(f"the server cannot be reached: {error}", where=options.url, code="write.no-answer") from error
        self._client = client
        return client

    async def _secure(self, client: Client) -> None:
        options = self.options
        pki = home() / "pki"
        certificate, key = options.certificate or pki / "edge.der", options.private_key or pki / "edge.pem"
        trusted = options.server_certificate or str(pki / "trusted" / f"{self.name}.der")
        mode = ua.MessageSecurityMode[options.mode]
        await client.set_security(POLICIES[options.security], certificate, key, server_certificate=trusted, mode=mode)

    def _password(self) -> str:
        name = self.options.password_env
        if name and name not in os.environ:
            raise ConfigError(
                f"the environment variable {name} is not set", where=f"source '{self.name}'", hint="it holds the password"
            )
        return os.environ.get(name, "")


def _fitting(value: Value, kind: Any, where: str) -> Value:
    """Return the value in the variable's type. Raises InvalidInput if it does not fit exactly."""
    if isinstance(value, bool | str):
        if kind == (ua.VariantType.Boolean if isinstance(value, bool) else ua.VariantType.String):
            return value
    elif kind in REAL:
        return float(value)
    elif kind in WHOLE and float(value).is_integer() and WHOLE[kind][0] <= value <= WHOLE[kind][1]:
        return int(value)
    raise InvalidInput(f"{value!r} does not fit into {kind.name}", where=where, code="write.type")


PLUGIN = OpcuaWriter
