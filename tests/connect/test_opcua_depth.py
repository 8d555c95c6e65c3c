"""What an OPC UA source can beside listening, against node-opcua: history, rounds, clocks, namespaces, trust, certificates."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

from lineshaft.connect import SourceState
from lineshaft.connect.trust import TrustList, age_of
from lineshaft.core import CredentialsError, InvalidInput, NotFound, now_ns
from tests.connect.conftest import Proxy, listening
from tests.connect.plant import Plant, missing, steps

pytestmark = [
    pytest.mark.counterpart,
    # asyncua's transports are closed by their owner's garbage collection when a server dies under them
    pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"),
]
HOUR = 3_600 * 10**9
Make = Callable[..., Plant]


@pytest.fixture
def plant(node: Path, npm_counterparts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    made: list[Plant] = []

    def make(**words: object) -> Plant:
        made.append(Plant(node, npm_counterparts, tmp_path_factory.mktemp("node") / "pki", **words))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.mark.slow
async def test_a_gap_is_filled_from_the_servers_own_history(plant: Make):
    server = plant(history=1)
    tags = server.tags()
    async with Proxy(server.port) as proxy, listening(server.source(at=proxy.port, lifetime="3s", queue_size=2)) as ear:
        await ear.until(lambda: len(ear.of(tags[0])) > 10)
        proxy.cut()
        await ear.until(lambda: ear.state is SourceState.DOWN)
        await asyncio.sleep(6)  # longer than the subscription's life: the server has forgotten us, its history has not
        proxy.open()
        await ear.until(lambda: "came from the server's history" in ear.statuses[-1].message, 40)
        mark = len(ear.of(tags[0]))
        await ear.until(lambda: len(ear.of(tags[0])) > mark + 10)
        for tag in range(5):
            assert missing(ear.of(tags[tag]), tag) == []
            rows = [(ts, value) for name, ts, value, _ in ear.values() if name == tags[tag]]
            came = [value for _, value in rows]
            assert [row for row in rows if came.count(row[1]) > 1] == [], "nothing twice"
        assert len(missing(ear.of(tags[7]), 7)) > 20, "a tag without a history has the gap: the test can fail"
        assert ear.state is SourceState.CONNECTED


@pytest.mark.slow
async def test_a_node_that_was_killed_asks_for_what_it_missed(plant: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lineshaft.connect.sources.opcua.aside.REMEMBER_EVERY", 0.5)
    server = plant(history=1)
    (tag,) = server.tags(1)
    async with listening(server.source([tag])) as first:
        await first.until(lambda: len(first.of(tag)) > 10)
    before = steps(first.of(tag), 0)[-1]
    await asyncio.sleep(2)
    async with listening(server.source([tag])) as second:
        await second.until(lambda: second.statuses and "server's history" in second.statuses[-1].message)
        await second.until(lambda: min(steps(second.of(tag), 0)) <= before)
        assert missing(first.of(tag) + second.of(tag), 0) == []
        times: dict[object, set[int]] = {}
        for _, ts, value, _ in first.values() + second.values():
            times.setdefault(value, set()).add(ts)
        assert [value for value, stamps in times.items() if len(stamps) > 1] == [], "to the nanosecond: the store keeps it once"


async def test_tags_are_read_in_rounds_where_the_server_serves_no_more(plant: Make):
    server = plant(items=4)
    tags = server.tags()
    unknown = f"ns={server.namespace};s=nobody"
    async with listening(server.source(poll_every="100ms", polled=(unknown,))) as ear:
        await ear.until(lambda: all(len(ear.of(tag)) > 5 for tag in tags))
        status = ear.statuses[-1]
        assert "5 tags are read in rounds" in status.message
        assert set(status.tags_bad) == {unknown}
        assert status.tags_ok == 9
        polled = steps(ear.of(tags[8]), 8)
        assert polled == sorted(set(polled)), "a value that did not change is not told again"


@pytest.mark.slow
async def test_only_reading_needs_no_subscription(plant: Make):
    server = plant()
    async with listening(server.source([], polled=tuple(server.tags(3)), poll_every="50ms")) as ear:
        await ear.until(lambda: len(ear.of(server.tags()[2])) > 5)
        assert ear.statuses[-1].tags_ok == 3


@pytest.mark.slow
@pytest.mark.parametrize(("times", "state"), [("source", "degraded"), ("corrected", "connected"), ("arrival", "connected")])
async def test_a_clock_an_hour_off_is_told_and_can_be_corrected(plant: Make, times: str, state: str):
    server = plant(skew=3_600_000)
    async with listening(server.source(times=times)) as ear:
        await ear.until(lambda: len(ear.of(server.tags()[0])) > 5)
        last = [ts for tag, ts, _, _ in ear.values() if tag == server.tags()[0]][-1]
        off = last - now_ns()
        assert ear.statuses[-1].state == state, ear.statuses[-1].message
        if times == "source":
            assert "clock is 3600" in ear.statuses[-1].message
            assert abs(off - HOUR) < 60 * 10**9
        else:
            assert abs(off) < 60 * 10**9


@pytest.mark.slow
async def test_tags_follow_when_the_server_numbers_its_namespaces_anew(plant: Make):
    server = plant()
    tag, by_uri = server.tags(1)[0], "nsu=urn:plant:line;s=v1"
    assert server.namespace == 2
    async with listening(server.source([tag, by_uri])) as ear:
        await ear.until(lambda: len(ear.of(tag)) > 3 and len(ear.of(by_uri)) > 3)
        server.kill()
        await ear.until(lambda: ear.state is SourceState.DOWN)
        await asyncio.to_thread(lambda: server.start(before=2))
        assert server.namespace == 4
        await ear.until(lambda: "tags follow by name" in ear.statuses[-1].message, 40)
        marks = len(ear.of(tag)), len(ear.of(by_uri))
        await ear.until(lambda: len(ear.of(tag)) > marks[0] + 3 and len(ear.of(by_uri)) > marks[1] + 3)
        assert {name for name, *_ in ear.values()} == {tag, by_uri}
    async with listening(server.source([tag])) as again:  # a node that starts anew remembers as well
        await again.until(lambda: len(again.of(tag)) > 3)
    async with listening(server.source([], browse=True)) as browsed:
        await browsed.until(lambda: len(browsed.of(tag)) > 3)


async def test_arrays_and_structures_come_as_json_beside_everything_else(plant: Make):
    server = plant()
    names = [f"ns=2;s=x/{name}" for name in ("Range", "Words", "Flags")]
    async with listening(server.source([*names, *server.tags()])) as ear:
        await ear.until(lambda: all(ear.of(name) for name in names) and len(ear.of(server.tags()[3])) > 3)
        assert json.loads(str(ear.of(names[0])[0])) == {"Low": -1.0, "High": 7.5}
        assert json.loads(str(ear.of(names[1])[0])) == ["a", None, "Straße"]
        assert json.loads(str(ear.of(names[2])[0])) == [True, False]
        assert ear.rejected == []


async def test_a_server_is_not_trusted_until_a_person_has_compared_its_certificate(plant: Make, home: Path):
    server = plant()
    async with listening(server.source(security="Basic256Sha256")) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        told = ear.statuses[-1].message
        assert "the server's certificate is not trusted yet" in told
        trust = TrustList(home / "pki")
        (waits,) = trust.all()
        assert not waits.trusted
        assert f"lineshaft trust accept 'line' {waits.fingerprint[:16]}" in told
        assert ear.rows == []
        with pytest.raises(InvalidInput, match="not the fingerprint"):
            trust.accept("line", "00" * 32)
        with pytest.raises(NotFound):
            trust.accept("other", waits.fingerprint)
        trust.accept("line", waits.fingerprint[:16].upper())
        await ear.until(lambda: len(ear.of(server.tags()[0])) > 2)
        assert [one.trusted for one in trust.all()] == [True]


@pytest.mark.slow
async def test_another_certificate_than_before_is_refused(plant: Make, home: Path):
    server = plant()
    kept = home / "pki" / "trusted" / "line.der"
    async with listening(server.source(security="Basic256Sha256", trust="first-sight")) as ear:
        await ear.until(lambda: bool(ear.rows))
    kept.write_bytes(b"another")
    async with listening(server.source(security="Basic256Sha256", trust="first-sight")) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "another certificate than before" in ear.statuses[-1].message
        assert ear.rows == []


@pytest.mark.slow
async def test_an_expired_certificate_is_told_and_stops_nothing(plant: Make):
    server = plant(expired=1)
    async with listening(server.source(security="Basic256Sha256", trust="first-sight")) as ear:
        await ear.until(lambda: len(ear.of(server.tags()[0])) > 2)
        assert ear.state is SourceState.DEGRADED
        assert "the server's certificate expired on" in ear.statuses[-1].message


def test_the_dates_of_a_certificate_are_told_in_time(tmp_path: Path):
    certificate = asyncio.run(_certificate(tmp_path, "urn:x"))
    der, now = certificate[0].read_bytes(), datetime.now(UTC)
    assert age_of(der, now) == ""
    assert "expires on" in age_of(der, now + timedelta(days=340))
    assert "expired on" in age_of(der, now + timedelta(days=400))
    assert "only valid from" in age_of(der, now - timedelta(days=400))
    with pytest.raises(CredentialsError, match="SHA-256"):
        TrustList(tmp_path).meet("press", der, first_sight=False)


async def _certificate(folder: Path, uri: str) -> tuple[Path, Path]:
    certificate, key = folder / "user.der", folder / "user.pem"
    names = {"organizationName": "Lineshaft"}
    await setup_self_signed_certificate(key, certificate, uri, "localhost", [ExtendedKeyUsageOID.CLIENT_AUTH], names)
    return certificate, key


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"])
@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
async def test_each_policy_and_mode_with_a_users_certificate(plant: Make, tmp_path: Path, policy: str, mode: str):
    server = plant()
    certificate, key = await _certificate(tmp_path, "urn:user")
    user = {"user_certificate": str(certificate), "user_key": str(key)}
    async with listening(server.source(security=policy, mode=mode, trust="first-sight", **user)) as ear:
        await ear.until(lambda: len(ear.of(server.tags()[0])) > 2)


async def test_a_client_the_server_does_not_trust_is_told_what_to_do(plant: Make, monkeypatch: pytest.MonkeyPatch):
    server = plant(strict=1)
    monkeypatch.setenv("LINE_PASSWORD", "password1")
    user = {"user": "user1", "password_env": "LINE_PASSWORD"}
    async with listening(server.source(security="Basic256Sha256", trust="first-sight", **user)) as ear:
        await ear.until(lambda: ear.state is SourceState.DOWN)
        assert "that the server trusts our certificate" in ear.statuses[-1].message
        waiting = server.pki / "server" / "rejected"
        for path in waiting.iterdir():  # what the machine's administrator does
            path.rename(server.pki / "server" / "trusted" / "certs" / path.name)
