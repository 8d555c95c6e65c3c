"""The plant's own certificate authority: made on first use, it names the plant to its edges and each edge to the plant.

Nothing outside the plant is trusted and nothing else is signed. The plant is known by one fixed name, whatever address or
port an edge reaches it at; an edge is known by the serial number of its certificate. Private keys never travel.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lineshaft.core import InvalidInput, write_whole

PLANT = "plant.lineshaft.internal"
"""What the plant's certificate says: its CA is private, so one name is enough and an address may change."""
CA_DAYS, SERVER_DAYS = 7_300, 397
Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    """Return a fresh private key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_text(key: Key) -> bytes:
    """Return a private key as PEM."""
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def request(key: Key, name: str) -> str:
    """Return a certificate request for an edge's key."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def fingerprint(ca: str) -> str:
    """Return the first 80 bits of the CA certificate's SHA-256, in hex: part of every claim code."""
    return x509.load_pem_x509_certificate(ca.encode()).fingerprint(hashes.SHA256()).hex()[:20]


def verified(ca: str, body: bytes, signature: str) -> bool:
    """Say whether the plant signed something."""
    public = x509.load_pem_x509_certificate(ca.encode()).public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False
    try:
        public.verify(bytes.fromhex(signature), body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


class Authority:
    """The plant's CA in a folder of its home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not (folder / "ca.pem").exists():
            self._found()
        self.ca = (folder / "ca.pem").read_text(encoding="utf-8")
        self._certificate = x509.load_pem_x509_certificate(self.ca.encode())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise InvalidInput("the key of the plant's CA is of another kind than this version makes", where=str(folder))
        self._key = key

    def _found(self) -> None:
        """Make the key first and the certificate last: a power cut between leaves nothing half."""
        key = new_key()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lineshaft plant CA")])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = _builder(name, name, key.public_key(), CA_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        made = builder.sign(key, hashes.SHA256())
        write_whole(self._folder / "ca.key", key_text(key), secret=True)
        write_whole(self._folder / "ca.pem", made.public_bytes(serialization.Encoding.PEM))

    def sign(self, request: str, name: str, days: float) -> tuple[str, str, int]:
        """Sign an edge's request under the name the plant knows it by; return certificate, serial number and end (UTC ns)."""
        try:
            asked = x509.load_pem_x509_csr(request.encode())
        except ValueError:
            raise InvalidInput("this is no certificate request", code="edge.request") from None
        public = asked.public_key()
        if not asked.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
            raise InvalidInput("the certificate request does not hold the key it was made with", code="edge.request")
        made = self._issue(public, name, days, server=False)
        until = round(made.not_valid_after_utc.timestamp()) * 10**9
        return made.public_bytes(serialization.Encoding.PEM).decode(), f"{made.serial_number:x}", until

    def signature(self, body: bytes) -> str:
        """Sign what an edge must be able to trust, in hex."""
        return self._key.sign(body, ec.ECDSA(hashes.SHA256())).hex()

    def server(self) -> tuple[Path, Path]:
        """Make the plant's certificate anew (each start) and return it and its key as files."""
        key = new_key()
        made = self._issue(key.public_key(), PLANT, SERVER_DAYS, server=True)
        write_whole(self._folder / "plant.key", key_text(key), secret=True)
        write_whole(self._folder / "plant.pem", made.public_bytes(serialization.Encoding.PEM))
        return self._folder / "plant.pem", self._folder / "plant.key"

    @property
    def ca_file(self) -> Path:
        """Where the CA's certificate lies."""
        return self._folder / "ca.pem"

    def _issue(self, public: ec.EllipticCurvePublicKey, name: str, days: float, *, server: bool) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(subject, self._certificate.subject, public, days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        if server:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(PLANT)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _builder(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: float) -> x509.CertificateBuilder:
    """Begin a certificate; it is valid from an hour ago, as clocks differ."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    begin = min(now - timedelta(hours=1), now + timedelta(days=days) - timedelta(seconds=1))
    return builder.not_valid_before(begin).not_valid_after(now + timedelta(days=days))


def client_context(ca: Path, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Return the TLS context of an edge: it trusts its plant's CA and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(ca)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context
