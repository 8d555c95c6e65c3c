"""Which OPC UA servers we trust: a folder of their certificates; one that is not there waits until a person has compared it.

HOME/pki/trusted/NAME.der is the certificate a source is held to, HOME/pki/waiting/NAME.der the one its server showed instead.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from lineshaft.core import CredentialsError, InvalidInput, NotFound, did_you_mean, write_whole

WARN = timedelta(days=30)
STANDS_FOR: ContextVar[str] = ContextVar("stands_for", default="")
"""The source that one with another name stands in for while it is only tried: its certificate counts."""


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A server's certificate as a person compares it with what the machine's panel shows."""

    source: str
    trusted: bool
    fingerprint: str
    subject: str
    uri: str
    valid_from: datetime
    valid_to: datetime


class TrustList:
    """The certificates of a home, by source."""

    def __init__(self, folder: Path) -> None:
        self._trusted, self._waiting = folder / "trusted", folder / "waiting"

    def all(self) -> list[ServerCertificate]:
        """Return every certificate, those that wait first."""
        found = [
            described(path.stem, path.read_bytes(), trusted=folder is self._trusted)
            for folder in (self._waiting, self._trusted)
            for path in sorted(folder.glob("*.der"))
        ]
        return [one for one in found if one is not None]

    def held(self, source: str) -> bytes | None:
        """Return the certificate a source is held to."""
        kept = self._trusted / f"{source}.der"
        return kept.read_bytes() if kept.exists() else None

    def path(self, source: str) -> Path:
        """Return where the certificate a source is held to lies."""
        return self._trusted / f"{source}.der"

    def meet(self, source: str, seen: bytes, *, first_sight: bool) -> bool:
        """Judge the certificate a server shows; return True when it was trusted on first sight just now.

        Raises CredentialsError for one that nobody has trusted yet; it waits to be compared.
        """
        kept = self.held(source)
        if kept == seen:
            (self._waiting / f"{source}.der").unlink(missing_ok=True)
            return False
        if kept is None and first_sight:
            _put(self._trusted / f"{source}.der", seen)
            return True
        _put(self._waiting / f"{source}.der", seen)
        shown = described(source, seen, trusted=False)
        who = f"{shown.subject}, SHA-256 {spaced(shown.fingerprint)}" if shown else "no X.509 certificate"
        what = (
            "the server's certificate is not trusted yet" if kept is None else "the server shows another certificate than before"
        )
        short = shown.fingerprint[:16] if shown else ""
        hint = f"compare it at the machine, then: lineshaft trust accept '{source}' {short}"
        raise CredentialsError(f"{what}: {who}", where=source, hint=hint, code="trust.waits")

    def accept(self, source: str, fingerprint: str) -> ServerCertificate:
        """Trust the certificate that waits, if it is the one the person compared (8 digits or more of it). Raises NotFound."""
        path = self._waiting / f"{source}.der"
        if not path.exists():
            hint = did_you_mean(source, [one.stem for one in self._waiting.glob("*.der")]) or "see: lineshaft trust list"
            raise NotFound(f"no certificate of '{source}' waits", hint=hint, code="trust.unknown")
        shown = described(source, path.read_bytes(), trusted=True)
        asked = "".join(fingerprint.split()).replace(":", "").lower()
        if shown is None or len(asked) < 8 or not shown.fingerprint.startswith(asked):
            hint = f"it is {spaced(shown.fingerprint)}; give 8 digits or more" if shown else "have the server make a new one"
            raise InvalidInput("this is not the fingerprint of the certificate that waits", hint=hint, code="trust.fingerprint")
        self._trusted.mkdir(parents=True, exist_ok=True)
        path.replace(self._trusted / path.name)
        return shown

    def withdraw(self, source: str) -> None:
        """Trust a source's server no longer. Raises NotFound."""
        path = self._trusted / f"{source}.der"
        if not path.exists():
            hint = did_you_mean(source, [one.stem for one in self._trusted.glob("*.der")])
            raise NotFound(f"no certificate of '{source}' is trusted", hint=hint, code="trust.unknown")
        path.unlink()


def described(source: str, der: bytes, *, trusted: bool) -> ServerCertificate | None:
    """Return a certificate in plain words, None for what is none."""
    try:
        found = x509.load_der_x509_certificate(der)
    except ValueError:
        return None
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    digest = found.fingerprint(hashes.SHA256()).hex()
    subject, uri = found.subject.rfc4514_string(), uris[0] if uris else ""
    return ServerCertificate(source, trusted, digest, subject, uri, found.not_valid_before_utc, found.not_valid_after_utc)


def age_of(der: bytes, now: datetime | None = None) -> str:
    """Return what to say of a certificate's dates, nothing while it is good for a month."""
    shown = described("", der, trusted=True)
    moment = now or datetime.now(UTC)
    if shown is None or shown.valid_from <= moment < shown.valid_to - WARN:
        return ""
    if moment < shown.valid_from:
        return f"the server's certificate is only valid from {shown.valid_from:%Y-%m-%d}: is one of the clocks wrong?"
    word = "expired" if moment >= shown.valid_to else "expires"
    return f"the server's certificate {word} on {shown.valid_to:%Y-%m-%d}: renew it at the machine"


def spaced(fingerprint: str) -> str:
    """Write a fingerprint as panels show it.

    >>> spaced("ab12cd34")
    'AB12 CD34'
    """
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4)).upper()


def _put(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, body)
