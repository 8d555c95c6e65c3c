"""Pictures of inspections go to object storage by a rule of their own and come back when somebody looks at them."""

from __future__ import annotations

import struct
import zlib

import pytest

from lineshaft.core import NS, NotFound, now_ns
from lineshaft.store import Image, Outside, Rule, Seen, Store, TiersSettings
from tests.store.conftest import Home
from tests.store.giving import DAY
from tests.store.tiers.bucket import Bucket, opened

SETTINGS = TiersSettings(bucket="plant", rules=(Rule(table="images", older="30d", unread="1d"),), cache_mb=1)


def png(shade: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes([0, shade]))) + chunk(b"IEND", b"")


def taken(store: Store, home: Home, shade: int, days: int) -> Image:
    with home.db.begin() as tx:
        return store.images.add(tx, png(shade), Seen("Bakery/Line 1/Oven", ts=now_ns() - days * DAY))


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def test_an_old_picture_goes_and_comes_back_when_it_is_looked_at(home: Home, bucket: Bucket) -> None:
    store = opened(home, bucket, SETTINGS)
    old, new = taken(store, home, 10, days=40), taken(store, home, 20, days=5)
    assert store.tier.run().moved == 0, "taken in today: whoever looks at it next finds it here"
    later = now_ns() + 2 * DAY
    done = store.tier.run(later)
    assert (done.moved, done.problems) == (1, [])
    path = store.lake.root / old.path
    assert not path.exists()
    assert (store.lake.root / new.path).exists()
    held = {(one.table, one.tier): one.files for one in store.tiers() if one.table == "images"}
    assert held == {("images", "object"): 1, ("images", "local"): 1}
    outside = {(one.table, one.tier): one.files for one in Outside(home.path).holdings()}
    assert outside["images", "object"] == 1
    assert store.images.content(old) == png(10)
    assert path.exists()
    assert not [one for one in store.tier.due(now_ns() + 3600 * NS) if one.file.kind == "images"], "it is here and there"


def test_a_node_that_begins_anew_knows_where_its_pictures_are(home: Home, bucket: Bucket) -> None:
    store = opened(home, bucket, SETTINGS)
    old = taken(store, home, 10, days=40)
    store.tier.run(now_ns() + 2 * DAY)
    home.close()
    again = opened(home, bucket, SETTINGS)
    assert not (again.lake.root / old.path).exists()
    assert again.images.content(again.images.get(old.id)) == png(10)


def test_the_object_of_a_deleted_picture_goes_too(home: Home, bucket: Bucket) -> None:
    store = opened(home, bucket, SETTINGS)
    old, other = taken(store, home, 10, days=40), taken(store, home, 30, days=50)
    assert store.tier.run(now_ns() + 2 * DAY).moved == 2
    with home.db.begin() as tx:
        store.images.remove(tx, old.id)
    store.images.tidy(None)
    assert store.tier.run().deleted == 1
    assert [name for name in bucket.names() if "images" in name] == [f"lineshaft/{other.path}"]
    assert store.images.content(other) == png(30)
    with pytest.raises(NotFound):
        store.images.get(old.id)
