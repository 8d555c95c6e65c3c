"""What an edge knows of itself: its name, its plant's address and CA, its key and certificate; files in HOME/edge."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from lineshaft.connect.authority import client_context, fingerprint, key_text, new_key, request
from lineshaft.connect.edge.line import Line, Refused
from lineshaft.core import ConfigError, CredentialsError, write_whole


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled edge."""

    folder: Path
    name: str
    url: str

    @property
    def ca(self) -> str:
        """The CA of the plant it belongs to."""
        return (self.folder / "ca.pem").read_text(encoding="utf-8")

    def context(self) -> ssl.SSLContext:
        """Return the TLS context that shows its certificate."""
        return client_context(self.folder / "ca.pem", self.folder / "edge.pem", self.folder / "edge.pem")

    def days_left(self) -> tuple[float, float]:
        """Return how many days its certificate is still valid, and how many it was at first."""
        made = x509.load_pem_x509_certificate((self.folder / "edge.pem").read_bytes())
        left = made.not_valid_after_utc - datetime.now(UTC)
        whole = made.not_valid_after_utc - made.not_valid_before_utc
        return left.total_seconds() / 86_400, whole.total_seconds() / 86_400


def folder_of(home: Path) -> Path:
    """Return where an edge keeps who it is."""
    return home / "edge"


def read_identity(home: Path) -> Identity:
    """Return who this edge is. Raises ConfigError if it never enrolled."""
    folder = folder_of(home)
    try:
        said = json.loads((folder / "identity.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "`lineshaft edges invite NAME` at the plant prints a code; then `lineshaft edge enrol URL CODE` here"
        raise ConfigError(
            "this edge node belongs to no plant yet", where=str(home), hint=hint, code="edge.not-enrolled"
        ) from None
    return Identity(folder, said["name"], said["url"])


def enrol(home: Path, url: str, code: str) -> Identity:
    """Make a key, and have the plant that printed the code sign it. Raises CredentialsError with the plant's reason.

    The code carries the fingerprint of the plant's CA: nobody between can pose as the plant.
    """
    secret, _, expected = code.strip().partition("-")
    ca = _ca_of(url, expected)
    folder = folder_of(home)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    write_whole(folder / "ca.pem", ca.encode())
    key = new_key()
    body = json.dumps({"claim": secret, "request": request(key, "edge")}).encode()
    answer = _ask(Line(url, client_context(folder / "ca.pem")), "POST", "/edge/enrol", body)
    _keep(folder, key_text(key) + answer["certificate"].encode())
    made = {"name": answer["name"], "url": url}
    write_whole(folder / "identity.json", json.dumps(made).encode())
    return read_identity(home)


def renewal(identity: Identity) -> tuple[bytes, bytes]:
    """Return a fresh key and the body that asks the plant to sign it."""
    key = new_key()
    return key_text(key), json.dumps({"request": request(key, identity.name)}).encode()


def renewed(identity: Identity, key: bytes, certificate: str) -> None:
    """Use the new key from the next connection on."""
    _keep(identity.folder, key + certificate.encode())


def _keep(folder: Path, both: bytes) -> None:
    """Key and certificate are one file: there is never one without the other."""
    write_whole(folder / "edge.pem", both, secret=True)


def _ca_of(url: str, expected: str) -> str:
    open_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    open_context.check_hostname = False
    open_context.verify_mode = ssl.CERT_NONE  # the fingerprint in the code decides, below
    ca = str(_ask(Line(url, open_context), "GET", "/edge/ca", b"")["ca"])
    if not expected or fingerprint(ca) != expected:
        what = "the plant at this address is not the one that printed the code"
        raise CredentialsError(what, where=url, hint="check the address; if it is right, somebody stands between")
    return ca


def _ask(line: Line, method: str, path: str, body: bytes) -> dict[str, Any]:
    try:
        return line.ask(method, path, body)
    except Refused as error:
        raise CredentialsError(error.what, where=error.where, hint=error.hint, code=error.code) from None
    finally:
        line.close()
