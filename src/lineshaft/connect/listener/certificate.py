"""The listener's certificate, signed by a CA of this home that devices are given once: HOME/devices-ca/ca.pem."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lineshaft.connect.authority import Authority, key_text, new_key
from lineshaft.core import write_whole

DAYS = 397


def own_context(folder: Path, names: Sequence[str]) -> ssl.SSLContext:
    """Return the listener's TLS context, its certificate made anew for these names (and those this machine knows of itself)."""
    authority = Authority(folder)
    key = new_key()
    write_whole(folder / "listener.key", key_text(key), secret=True)
    write_whole(folder / "listener.pem", _signed(authority, folder, key, [*names, *machine_names()]))
    return context(folder / "listener.pem", folder / "listener.key")


def context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Return a server's TLS context. Raises OSError for files that cannot be read."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(certificate, key)
    return made


def machine_names() -> list[str]:
    """Return the names and addresses this machine knows of itself."""
    found = ["localhost", "127.0.0.1", socket.gethostname()]
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: it only tells by which address we would go out
        found.append(str(probe.getsockname()[0]))
    return found


def _signed(authority: Authority, folder: Path, key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> bytes:
    ca = x509.load_pem_x509_certificate(authority.ca.encode())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("the key of the devices' CA is of another kind than this version makes")
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lineshaft listener")])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca.subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=True)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(issuer, critical=False)
    alternatives = x509.SubjectAlternativeName([_name(name) for name in dict.fromkeys(names)])
    made = builder.add_extension(alternatives, critical=False).sign(signer, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def _name(text: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(text))
    return x509.DNSName(text)
