"""OPC UA: asks an address which servers it knows and how they may be reached; nobody logs in for that."""

# pyright: reportPrivateImportUsage=false
# asyncua re-exports its names without saying so
from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from asyncua import Client, ua
from cryptography import x509

from lineshaft.connect.discovery.found import Found, Gently

STRONG = ("Aes256_Sha256_RsaPss", "Aes128_Sha256_RsaOaep", "Basic256Sha256")
BROKEN = ("Basic128Rsa15", "Basic256")


async def look(host: str, port: int, gently: Gently) -> list[Found]:
    """Return the server at an address, nothing where none answers."""
    patience = max(gently.call, 2.0)
    client = Client(f"opc.tcp://{host}:{port}", timeout=patience)
    try:
        await gently.wait()
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), gently.call)
        writer.transport.abort()
        async with asyncio.timeout(patience * 2):
            await gently.wait()
            known: list[Any] = await client.connect_and_find_servers()
            await gently.wait()
            endpoints: list[Any] = await client.connect_and_get_server_endpoints()
    except (OSError, TimeoutError, ua.UaError):
        return []
    return [_server(f"{host}:{port}", known, endpoints)]


def _server(address: str, known: list[Any], endpoints: list[Any]) -> Found:
    first = endpoints[0] if endpoints else None
    description = first.Server if first else (known[0] if known else None)
    name = (description.ApplicationName.Text or "") if description else ""
    policies = sorted({_policy(one) for one in endpoints})
    tokens = sorted({token.TokenType.name for one in endpoints for token in one.UserIdentityTokens or []})
    gaps = _gaps(policies, tokens, first)
    facts = {
        "url": _url(address, first),
        "security": next((policy for policy in STRONG if policy in policies), "None"),
        "policies": policies,
        "users": tokens,
        "application": description.ApplicationUri if description else "",
        "product": description.ProductUri if description else "",
        "servers": sorted({one.ApplicationUri or "" for one in known}),
    }
    return Found("opcua", address, name, gaps=tuple(gaps), facts=facts)


def _policy(endpoint: Any) -> str:
    return str(endpoint.SecurityPolicyUri or "").rpartition("#")[2] or "None"


def _url(address: str, endpoint: Any) -> str:
    """Return the address that answered with the server's own path: the name it gives itself may not be known here."""
    told = str(endpoint.EndpointUrl or "") if endpoint else ""
    _, _, path = told.removeprefix("opc.tcp://").partition("/")
    return f"opc.tcp://{address}/{path}" if path else f"opc.tcp://{address}"


def _gaps(policies: list[str], tokens: list[str], endpoint: Any) -> list[str]:
    gaps: list[str] = []
    if "None" in policies:
        only = "only " if policies == ["None"] else ""
        gaps.append(f"it {only}offers connections without security: everything can be read and changed on the way")
    old = [policy for policy in policies if policy in BROKEN]
    if old:
        gaps.append(f"it still offers {' and '.join(old)}, which are broken")
    if "Anonymous" in tokens:
        gaps.append("anybody may log in without a name")
    certificate = endpoint.ServerCertificate if endpoint else None
    return gaps + ([ended] if certificate and (ended := _ended(certificate)) else [])


def _ended(certificate: bytes) -> str:
    try:
        until = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except ValueError:
        return "its certificate cannot be read"
    days = (until - datetime.now(UTC)).days
    if days < 0:
        return f"its certificate ended on {until:%Y-%m-%d}"
    return f"its certificate ends on {until:%Y-%m-%d}" if days < 60 else ""
