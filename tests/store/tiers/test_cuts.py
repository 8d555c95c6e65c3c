"""Stopped at any step of a move or a return: no value is lost, no object is left that nobody knows, and the next pass goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lineshaft.core import Bus, Database, now_ns
from lineshaft.store import Store, StoreSettings
from lineshaft.store.tiers.cache import Cache
from lineshaft.store.tiers.objects import Objects
from lineshaft.store.tiers.records import Records
from tests.store.conftest import Home
from tests.store.giving import T0, give
from tests.store.test_crash import ROOT, Cut, cut_at
from tests.store.tiers import moving
from tests.store.tiers.bucket import DAYS, SETTINGS, Bucket, everything, expected, filled, here, opened

SENDING = [(Records, "write"), (Objects, "put"), (Objects, "verify"), (Records, "arrived"), (Cache, "arrived"), (Cache, "remove")]
LEAVING = [(Objects, "delete"), (Records, "forget"), (Cache, "forget")]


def steps(names: list[tuple[type, str]]) -> list[object]:
    """Before the first step, and after each."""
    cuts = [(*names[0], False), *((owner, name, True) for owner, name in names)]
    return [pytest.param(*cut, id=f"{'after' if cut[2] else 'before'} {cut[0].__name__} {cut[1]}") for cut in cuts]


@pytest.mark.parametrize(("owner", "name", "after"), steps(SENDING))
def test_a_stop_while_files_are_sent(home: Home, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, after: bool) -> None:
    bucket = Bucket()
    store = opened(home, bucket)
    filled(store)
    with monkeypatch.context() as cut:
        cut_at(cut, owner, name, 2, after=after)
        with pytest.raises(Cut):
            store.tier.run()
    home.crash()
    again = opened(home, bucket)
    assert everything(again) == expected()
    again.tier.run()
    again.tier.cache.shrink(0)
    assert not here(again)
    assert len(bucket.files()) == DAYS
    assert everything(again) == expected()
    assert not any(event.active for event in home.events)


@pytest.mark.parametrize(("owner", "name", "after"), steps(LEAVING))
def test_a_stop_while_objects_are_deleted(
    home: Home, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, after: bool
) -> None:
    bucket = Bucket()
    store = opened(home, bucket)
    filled(store)
    store.tier.run()
    for day in range(2):
        give(store, 90 + day, [("t0", T0 + day * 86_400_000_000_000 + 1, -1.0)])
    store.flush()
    store.compact()
    store.sweep(now_ns())
    with monkeypatch.context() as cut:
        cut_at(cut, owner, name, 1, after=after)
        with pytest.raises(Cut):
            store.tier.run()
    home.crash()
    again = opened(home, bucket)
    for _ in range(2):
        again.sweep(now_ns())
        assert again.tier.run().problems == []
    assert {f"lineshaft/samples/{file.name}" for file in again._index.of("samples")} == set(bucket.files())
    assert len(everything(again)) == len(expected()) + 2
    assert not any(event.active for event in home.events)


def test_a_stop_while_a_file_comes_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket()
    store = opened(home, bucket)
    filled(store)
    store.tier.run()
    with monkeypatch.context() as cut:
        cut_at(cut, Path, "replace", 1, after=False)
        with pytest.raises(Cut):
            everything(store)
    assert not list(store.lake.root.glob("**/*.part"))
    left = store.lake.root / "samples" / "day=2026-01-01" / ".x.parquet.part"
    left.write_bytes(b"half of it")
    home.crash()
    again = opened(home, bucket)
    assert not left.exists()
    assert everything(again) == expected()


def test_an_intention_whose_rule_is_gone_leaves_no_object(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket()
    store = opened(home, bucket)
    filled(store)
    with monkeypatch.context() as cut:
        cut_at(cut, Objects, "verify", 1, after=False)
        with pytest.raises(Cut):
            store.tier.run()
    home.crash()
    again = opened(home, bucket, SETTINGS.model_copy(update={"rules": ()}))
    assert len(bucket.files()) == 1
    assert again.tier.run().deleted == 1
    assert bucket.files() == []
    assert everything(again) == expected()


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_kills_while_files_go_and_come_back(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    passes = 0
    for _ in range(25):
        command = [sys.executable, "-m", "tests.store.tiers.moving", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as child:
            assert child.stdout is not None
            for _ in range(random.randint(1, 30)):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            passes += len(child.stdout.readlines())
        store = Store(
            tmp_path / "home",
            None,
            Database(f"sqlite:///{tmp_path / 'home' / 'l.db'}"),
            StoreSettings(),
            Bus(),
            tiers=SETTINGS,
        )
        store.tier.mover.make = lambda _settings: moving.objects(tmp_path)
        assert [row for row in everything(store) if int(str(row[0])) % 2 == 0] == expected()
        store.close()
    assert passes >= 0
