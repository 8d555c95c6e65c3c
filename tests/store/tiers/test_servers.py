"""The same against real object stores: moto, Ceph's radosgw, and one that breaks its word on conditional puts."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import ClassVar

import duckdb
import polars as pl
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from lineshaft.cli.outside import outside_answers
from lineshaft.core import ConfigError, CredentialsError, Retryable, now_ns
from lineshaft.store import Rule, Store, Tag, TiersSettings, files_of
from lineshaft.store.tiers.objects import Objects, Taken, digest
from tests.counterparts import buckets
from tests.counterparts.buckets import KEY, SECRET, Server
from tests.store.conftest import Home
from tests.store.giving import T0, give, plain
from tests.store.tiers.bucket import DAYS, ROWS, everything, expected, filled, here, opened

LIST = (
    "print(*sorted(f\"{o['Key']}:{o['Size']}\" for o in s3.list_objects_v2(Bucket=sys.argv[1]).get('Contents', [])), sep='\\n')"
)
WHOLE = "import hashlib; print(hashlib.sha256(s3.get_object(Bucket=sys.argv[1], Key=sys.argv[2])['Body'].read()).hexdigest())"


CEPH = pytest.param("ceph", marks=[pytest.mark.counterpart, pytest.mark.slow])


@pytest.fixture(scope="module", params=[pytest.param("moto", marks=pytest.mark.counterpart), CEPH])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    try:
        with {"moto": buckets.moto, "ceph": buckets.ceph}[request.param]() as one:
            yield one
    except buckets.Absent as reason:
        pytest.skip(str(reason))


@pytest.fixture
def bucket(server: Server, request: pytest.FixtureRequest) -> str:
    name = f"plant-{request.node.originalname.replace('_', '-')[5:55]}".strip("-")
    server.fresh(name)
    return name


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESHAFT_OBJECTS_KEY", KEY)
    monkeypatch.setenv("LINESHAFT_OBJECTS_SECRET", SECRET)


def settings(url: str, bucket: str) -> TiersSettings:
    return TiersSettings(bucket=bucket, endpoint=url, rules=(Rule(older="1d", unread="0s"),))


def in_bucket(server: Server, bucket: str) -> dict[str, int]:
    """What another client sees there: names and sizes."""
    lines = server.client(LIST, bucket).splitlines()
    return {line.rpartition(":")[0]: int(line.rpartition(":")[2]) for line in lines}


def test_days_go_and_come_back(home: Home, server: Server, bucket: str) -> None:
    store = opened(home, settings=settings(server.url, bucket))
    filled(store)
    sizes = {f"lineshaft/samples/{file.name}": file.size for file in store._index.of("samples")}
    done = store.tier.run()
    assert (done.moved, done.problems) == (DAYS, [])
    assert not here(store)
    there = in_bucket(server, bucket)
    assert there.pop("lineshaft/lineshaft.json") > 0
    assert there == sizes
    assert everything(store) == expected()
    home.crash()
    again = opened(home, settings=settings(server.url, bucket))
    again.tier.cache.shrink(0)
    assert everything(again) == expected()
    late_and_swept(again)
    left = {name for name in in_bucket(server, bucket) if name.endswith(".parquet")}
    assert left == {f"lineshaft/samples/{file.name}" for file in again._index.of("samples")}


def test_other_programs_read_what_was_brought_for_them(home: Home, server: Server, bucket: str, tmp_path: Path) -> None:
    chosen = settings(server.url, bucket)
    store = opened(home, settings=chosen)
    filled(store)
    store.tier.run()
    assert all(path.startswith(f"s3://{bucket}/") for path in files_of(store.lake.root, "samples", chosen))
    there = files_of(store.lake.root, "samples", chosen)
    keys = {"aws_endpoint_url": server.url, "aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_region": "us-east-1"}
    found = pl.scan_parquet(there, storage_options={**keys, "aws_allow_http": "true"}, hive_partitioning=False)
    assert found.select(pl.len()).collect().item() == 2 * DAYS * ROWS
    paths = files_of(store.lake.root, "samples", chosen, tmp_path / "brought")
    with duckdb.connect() as other:
        rows = other.execute("select count(*) from read_parquet($1)", [paths]).fetchall()
    assert rows == [(2 * DAYS * ROWS,)]
    assert not here(store)


def late_and_swept(store: Store) -> None:
    """A day is rewritten: its new file goes there too, the object of the old one goes for good."""
    give(store, 90, [("t0", T0 + 1, -1.0)])
    store.flush()
    assert store.compact() == 2
    assert store.tier.run().moved == 1
    store.sweep(now_ns())
    assert store.tier.run().deleted == 1
    assert (T0 + 1, -1.0, 0) in everything(store)
    assert plain(store.history(Tag("m", "t1"), 0, now_ns())) == expected()


def test_a_large_file_goes_in_parts_and_is_what_it_was(tmp_path: Path, server: Server, bucket: str) -> None:
    objects = Objects.of(settings(server.url, bucket))
    path = tmp_path / "large"
    path.write_bytes(os.urandom(20_000_001))
    known = digest(path)
    objects.put("x/large", path)
    found = objects.head("x/large")
    assert found is not None
    assert (found.size, found.etag) == (known.size, known.etag)
    assert server.client(WHOLE, bucket, "x/large") == known.sha256
    assert b"".join(objects.read("x/large")) == path.read_bytes()
    with pytest.raises(Taken):
        objects.put("x/large", path)
    objects.delete("x/large")
    assert objects.head("x/large") is None
    objects.delete("x/large")


def test_the_probe_leaves_nothing_and_the_claim_holds(server: Server, bucket: str) -> None:
    objects = Objects.of(settings(server.url, bucket))
    objects.check("lineshaft", "one home")
    objects.check("lineshaft", "one home")
    assert set(in_bucket(server, bucket)) == {"lineshaft/lineshaft.json"}
    with pytest.raises(ConfigError, match="another home"):
        objects.check("lineshaft", "another")


def test_a_bucket_that_is_not_there_is_told(server: Server) -> None:
    objects = Objects.of(settings(server.url, "no-such-bucket"))
    with pytest.raises(ConfigError, match="bucket is not there"):
        objects.check("lineshaft", "home")


@pytest.mark.parametrize("server", [CEPH], indirect=True)
def test_wrong_keys_are_told(server: Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINESHAFT_OBJECTS_SECRET", "wrong")
    with pytest.raises(CredentialsError, match="refuses us"):
        Objects.of(settings(server.url, bucket)).check("lineshaft", "home")


def certified(folder: Path) -> tuple[Path, Path]:
    """A certificate of our own for 127.0.0.1, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plant")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "plant.pem", folder / "plant.key"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@pytest.mark.counterpart
def test_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    certificate, key = certified(tmp_path)
    try:
        with buckets.moto(certificate, key) as one:
            chosen = settings(one.url, "no-such-bucket")
            with pytest.raises(Retryable, match="does not answer"):
                Objects.of(chosen).probe("lineshaft")
            known = chosen.model_copy(update={"ca_file": str(certificate)})
            with pytest.raises(ConfigError, match="bucket is not there"):
                Objects.of(known).probe("lineshaft")
    except buckets.Absent as reason:
        pytest.skip(str(reason))


@pytest.mark.counterpart
def test_the_doctor_asks_the_bucket(server: Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = f'[tiers]\nbucket = "{bucket}"\nendpoint = "{server.url}"\n'
    (tmp_path / "settings.toml").write_text(toml, encoding="utf-8")
    assert ("object storage", "ok") in [one[:2] for one in outside_answers(tmp_path)]
    monkeypatch.delenv("LINESHAFT_OBJECTS_SECRET")
    said = next(one for one in outside_answers(tmp_path) if one[0] == "object storage")
    assert said[1] == "fail"
    assert "LINESHAFT_OBJECTS_SECRET is not set" in said[2]
    assert SECRET not in str(said)


class Careless(http.server.BaseHTTPRequestHandler):
    """A store that ignores If-None-Match, as some do."""

    protocol_version = "HTTP/1.1"
    kept: ClassVar[dict[str, bytes]] = {}

    def do_PUT(self) -> None:
        self.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self._say(200)

    def do_GET(self) -> None:
        self._say(200 if self.path in self.kept else 404, self.kept.get(self.path, b""))

    def do_DELETE(self) -> None:
        self.kept.pop(self.path, None)
        self._say(204)

    def _say(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("ETag", '"0"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


@contextmanager
def careless() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Careless) as listener:
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.server_address[1]}"
        listener.shutdown()
        thread.join()


def test_a_store_that_ignores_conditional_puts_is_refused_and_nothing_moves(home: Home) -> None:
    with careless() as url:
        store = opened(home, settings=settings(url, "plant"))
        filled(store)
        done = store.tier.run()
        assert done.moved == 0
        assert "ignores If-None-Match" in done.problems[0]
        assert len(here(store)) == DAYS
        told = next(event for event in home.events if event.key == "store:objects")
        assert told.severity == "error"
        assert "conditional puts" in told.hint


def test_a_store_that_is_away_is_told_at_once_the_second_time() -> None:
    objects = Objects.of(settings(f"http://127.0.0.1:{buckets.free_port()}", "plant"))
    with pytest.raises(Retryable, match="does not answer"):
        objects.check("lineshaft", "home")
    began = now_ns()
    with pytest.raises(Retryable, match="does not answer"):
        objects.head("x")
    assert now_ns() - began < 1_000_000_000


def test_keys_that_are_not_set_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINESHAFT_OBJECTS_SECRET")
    with pytest.raises(ConfigError, match="LINESHAFT_OBJECTS_SECRET is not set"):
        Objects.of(settings("", "plant"))
