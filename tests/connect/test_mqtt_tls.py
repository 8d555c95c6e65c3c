"""MQTT and Sparkplug over TLS, against mosquitto: own authority, client certificate, and each way to be wrong with its reason."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lineshaft.connect import Source, SourceEntry, SourceState
from lineshaft.connect.authority import key_text, new_key
from tests.connect.conftest import listening
from tests.counterparts.mosquitto import Mosquitto, mosquitto

pytestmark = pytest.mark.counterpart


class Ca:
    """A certificate authority of the test's own, as a plant's IT has one."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.key = folder, new_key()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._sign(self.name, self.key, ca=True, days=10, host=""))

    def issue(self, name: str, host: str = "localhost", days: int = 5) -> tuple[Path, Path]:
        key = new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, private = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(self._sign(subject, key, ca=False, days=days, host=host))
        private.write_bytes(key_text(key))
        return certificate, private

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool, days: int, host: str) -> bytes:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=9))
        made = made.not_valid_after(now + timedelta(days=days)).add_extension(x509.BasicConstraints(ca, None), critical=True)
        if host:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)

        return made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def ca(tmp_path: Path) -> Ca:
    return Ca(tmp_path, "plant")


@pytest.fixture
def broker(tmp_path: Path, free_port: int, ca: Ca, request: pytest.FixtureRequest) -> Iterator[Mosquitto]:
    """A broker that asks for certificates of the plant's authority."""
    given: dict[str, Any] = getattr(request, "param", {})
    certificate, key = ca.issue("broker", **given)
    lines = [f"cafile {ca.file}", f"certfile {certificate}", f"keyfile {key}", "require_certificate true", "allow_anonymous true"]
    with mosquitto(tmp_path, free_port, *lines) as made:
        yield made


def source(port: int, kind: str = "mqtt", **more: Any) -> Source:
    topics = {"topics": [{"filter": "hall/#"}]} if kind == "mqtt" else {}
    entry = {"name": "hall", "type": kind, "url": f"mqtts://localhost:{port}", **topics, **more}
    return SourceEntry.model_validate(entry).build()


def ours(ca: Ca, name: str = "edge") -> dict[str, str]:
    certificate, key = ca.issue(name)
    return {"certificate": str(certificate), "private_key": str(key)}


async def test_with_the_plants_authority_and_our_certificate_messages_come(broker: Mosquitto, ca: Ca):
    async with listening(source(broker.port, ca=str(ca.file), **ours(ca))) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)
        certificate, key = ca.issue("sensor")
        words = ["mosquitto_pub", "-h", "localhost", "-p", str(broker.port), "--cafile", str(ca.file)]
        words += ["--cert", str(certificate), "--key", str(key), "-q", "1", "-t", "hall/temp", "-m", "21.5"]
        subprocess.run(words, check=True)  # noqa: ASYNC221 - a moment
        await ear.until(lambda: ear.of("hall/temp") == [21.5])


async def test_sparkplug_goes_the_same_way(broker: Mosquitto, ca: Ca):
    async with listening(source(broker.port, "sparkplug", ca=str(ca.file), **ours(ca))) as ear:
        await ear.until(lambda: ear.state is SourceState.CONNECTED)


async def test_a_broker_of_another_authority_is_refused_by_us(broker: Mosquitto, ca: Ca, tmp_path: Path):
    other = Ca(tmp_path, "other")
    async with listening(source(broker.port, ca=str(other.file), **ours(ca))) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "the broker's certificate is not trusted" in ear.statuses[-1].message


@pytest.mark.parametrize("broker", [{"host": "elsewhere.plant"}], indirect=True)
async def test_a_broker_with_another_name_is_refused_by_us(broker: Mosquitto, ca: Ca):
    async with listening(source(broker.port, ca=str(ca.file), **ours(ca))) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "is not trusted" in ear.statuses[-1].message
        assert "localhost" in ear.statuses[-1].message


@pytest.mark.parametrize("broker", [{"days": -1}], indirect=True)
async def test_an_expired_broker_is_refused_and_told_as_such(broker: Mosquitto, ca: Ca):
    async with listening(source(broker.port, ca=str(ca.file), **ours(ca))) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "expired" in ear.statuses[-1].message


@pytest.mark.parametrize("whose", ["nobody", "other"])
async def test_a_broker_refuses_us_without_its_certificate_and_we_say_so(broker: Mosquitto, ca: Ca, tmp_path: Path, whose: str):
    mine = {} if whose == "nobody" else ours(Ca(tmp_path, "other"), "stranger")
    async with listening(source(broker.port, ca=str(ca.file), **mine)) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "certificate" in ear.statuses[-1].message


async def test_a_file_that_is_not_there_is_named(broker: Mosquitto, ca: Ca):
    async with listening(source(broker.port, ca=str(ca.file) + "x")) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "a certificate file cannot be read" in ear.statuses[-1].message
