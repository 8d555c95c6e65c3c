"""Old files go to object storage and come back when somebody asks; nothing is ever in neither place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lineshaft.core import ConfigError, InvalidInput, NotFound, Retryable, now_ns
from lineshaft.guard import Role, Subject
from lineshaft.store import Rule, Store, Tag, TiersSettings
from lineshaft.store.tiers.objects import Objects
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, give, plain
from tests.store.tiers.bucket import DAYS, ROWS, SETTINGS, Bucket, everything, expected, filled, here, opened

ENGINEER = Subject("u", "anna", "person", frozenset({Role.ENGINEER}), "Anna")


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def old(home: Home, bucket: Bucket) -> Store:
    """A store all of whose days are in the bucket only."""
    store = opened(home, bucket)
    filled(store)
    done = store.tier.run()
    assert (done.moved, done.problems) == (DAYS, [])
    assert not here(store)
    assert len(bucket.files()) == DAYS
    return store


def test_history_brings_back_only_the_days_it_needs(old: Store) -> None:
    rows = plain(old.history(Tag("m", "t0"), T0 + DAY - 1, T0 + DAY + 3600 * SECOND))
    assert rows == [row for row in expected() if T0 + DAY <= int(str(row[0])) <= T0 + DAY + 3600 * SECOND]
    assert len(here(old)) == 1


def test_every_kind_of_question_answers_as_before(old: Store) -> None:
    assert everything(old) == expected()
    old.tier.cache.shrink(0)
    assert not here(old)
    means = old.aggregates(Tag("m", "t0"), 7 * SECOND, T0, T0 + DAY, ["avg"])
    assert len(means) == ROWS - 1
    old.tier.cache.shrink(0)
    answer = old.sql.ask("select count(*) as n, sum(value) as total from samples where tag = 't1'", ENGINEER).run()
    assert answer.table.to_pylist() == [{"n": DAYS * ROWS, "total": sum(float(str(row[1])) for row in expected())}]
    old.tier.cache.shrink(0)
    found = old.before(Tag("m", "t0"), T0 + 2 * DAY - 1)
    assert found is not None
    assert found.value == 1000.0 + ROWS - 1
    old.tier.cache.shrink(0)
    assert len(old.span([0, 1], T0 - 1, T0 + DAY - 1)) == 2 * ROWS


def test_hours_come_from_roll_ups_that_stayed_here(old: Store) -> None:
    hours = old.aggregates(Tag("m", "t0"), 3600 * SECOND, T0, T0 + 2 * DAY, ["avg"])
    assert sum(hours["n"].to_pylist()) == 2 * ROWS  # without the value at T0, with the one at the end
    assert not here(old)


def test_a_late_value_brings_its_day_back_to_be_rewritten(old: Store, bucket: Bucket) -> None:
    give(old, 90, [("t0", T0 + DAY + 1, -1.0)])
    old.flush()
    assert old.compact() == 2
    assert everything(old) == sorted([*expected(), (T0 + DAY + 1, -1.0, 0)])
    assert old.tier.run().moved == 1
    assert len(bucket.files()) == DAYS + 1
    old.sweep(now_ns())
    assert old.tier.run().deleted == 1
    assert old.sweep(now_ns()) > 0
    assert len(bucket.files()) == DAYS
    assert everything(old) == sorted([*expected(), (T0 + DAY + 1, -1.0, 0)])


def test_as_of_reads_files_that_were_replaced_and_are_in_the_bucket(old: Store) -> None:
    before = now_ns()
    give(old, 90, [("t0", T0, -1.0)])
    old.flush()
    old.compact()
    old.tier.cache.shrink(0)
    assert plain(old.history(Tag("m", "t0"), 0, T0 + 1))[0][1] == -1.0
    assert plain(old.history(Tag("m", "t0"), 0, T0 + 1, as_of=before))[0][1] == 0.0


def test_a_new_start_knows_where_files_are(home: Home, old: Store, bucket: Bucket) -> None:
    home.crash()
    again = opened(home, bucket)
    assert everything(again) == expected()
    assert [event for event in home.events if event.active] == []


def test_the_account_says_what_lies_where(old: Store) -> None:
    old.history(Tag("m", "t0"), T0 + DAY - 1, T0 + DAY + 3600 * SECOND)
    by = {(one.table, one.tier): one for one in old.tiers()}
    away = by["samples", "object"]
    assert (away.files, away.rows) == (DAYS, DAYS * ROWS * 2)
    assert 0 < away.cached < away.size
    assert away.oldest == T0
    assert away.last_read is not None
    assert by["minute", "local"].files == DAYS
    assert ("samples", "local") not in by


def test_what_was_read_lately_stays(home: Home, bucket: Bucket) -> None:
    store = opened(home, bucket, SETTINGS.model_copy(update={"rules": (Rule(older="1d", unread="30d"),)}))
    filled(store)
    now = now_ns()
    assert store.tier.due(now) == []
    later = now + 31 * DAY
    assert len(store.tier.due(later)) == DAYS
    store.tier.cache.read.update({(f.kind, f.name): later - DAY for f in store._index.of("samples")[:1]})
    assert len(store.tier.due(later)) == DAYS - 1


def test_reads_are_noted_durably(home: Home, bucket: Bucket) -> None:
    store = opened(home, bucket)
    filled(store, 1)
    everything(store)
    store.tier.note()
    home.crash()
    again = opened(home, bucket)
    lake = next(one for one in again.tiers() if (one.table, one.tier) == ("samples", "local"))
    assert lake.last_read is not None


def test_late_values_and_what_is_not_rolled_up_keep_a_day_here(home: Home, bucket: Bucket) -> None:
    store = opened(home, bucket)
    filled(store, 2)
    give(store, 80, [("t0", T0 + 1, 1.0)])
    give(store, 81, [("t0", T0 + 3 * DAY, 1.0)])
    store.flush()
    assert [one.file.day for one in store.tier.due()] == [(T0 + DAY) // DAY]


def test_the_room_for_files_brought_back_is_bounded(old: Store) -> None:
    size = max(file.size for file in old._index.of("samples"))
    old.tier.cache.limit = size + size // 2
    for day in range(DAYS):
        assert len(old.history(Tag("m", "t0"), T0 + day * DAY - 1, T0 + day * DAY + 1)) == 1
        assert len(here(old)) == 1
    assert everything(old) == expected()
    assert plain(old.history(Tag("m", "t0"), 0, now_ns(), limit=50, descending=True)) == expected()[::-1][:50]
    assert len(old.span([0, 1], 0, now_ns())) == 2 * DAYS * ROWS
    with pytest.raises(InvalidInput, match="at once"):
        old.sql.ask("select count(*) from samples", ENGINEER).run()
    assert sum(old.tier.cache.cached().values()) <= old.tier.cache.limit


def test_a_page_of_a_long_time_brings_only_the_days_it_shows(old: Store) -> None:
    page = old.history(Tag("m", "t0"), 0, now_ns(), limit=10)
    assert plain(page) == expected()[:10]
    assert len(here(old)) == 1
    more = old.history(Tag("m", "t0"), 0, now_ns(), limit=ROWS, after=old.page(page))
    assert plain(more) == expected()[10 : 10 + ROWS]
    assert len(here(old)) == 2


def test_a_bucket_that_must_not_be_used_is_told_when_the_node_starts(home: Home, bucket: Bucket) -> None:
    bucket.objects.check("lineshaft", "another")
    store = opened(home, bucket)
    store.start()
    thread = store.tier._thread
    assert thread is not None
    thread.join(60)
    assert any("another home" in event.message for event in home.events)


def test_files_away_and_no_bucket_set_is_told_when_the_node_starts(home: Home, old: Store) -> None:
    assert not here(old)
    home.crash()
    home.store().start()
    assert any("none is set" in event.message for event in home.events)


def test_the_file_read_longest_ago_goes_first(old: Store) -> None:
    size = max(file.size for file in old._index.of("samples"))
    old.tier.cache.limit = 2 * size + size // 2
    for day in (0, 1, 0, 2):
        old.history(Tag("m", "t0"), T0 + day * DAY - 1, T0 + day * DAY + 1)
    days = {path.parent.name for path in (old.lake.root / "samples").glob("**/*.parquet")}
    assert days == {"day=2026-01-01", "day=2026-01-03"}


def test_what_a_reader_holds_is_not_taken_away(old: Store) -> None:
    file = old._index.of("samples")[0]
    held = old.tier.cache.bring([file])
    old.tier.cache.shrink(0)
    assert here(old) == [file.name.rpartition("/")[2]]
    del held
    old.tier.cache.shrink(0)
    assert here(old) == []


def test_room_full_of_what_others_read_is_told(old: Store) -> None:
    one, two = old._index.of("samples")[:2]
    old.tier.cache.limit, old.tier.cache.patience_s = one.size + two.size - 1, 0.01
    held = old.tier.cache.bring([one])
    with pytest.raises(Retryable, match="other questions"):
        old.tier.cache.bring([two])
    del held
    assert old.tier.cache.bring([two])


def test_many_readers_share_little_room(old: Store) -> None:
    old.tier.cache.limit = max(file.size for file in old._index.of("samples")) * 2
    wrong: list[object] = []

    def read(first: int) -> None:
        for n in range(12):
            day = (first + n) % DAYS
            rows = plain(old.history(Tag("m", "t0"), T0 + day * DAY - 1, T0 + (day + 1) * DAY - 1))
            if rows != expected()[day * ROWS : (day + 1) * ROWS]:
                wrong.append((day, rows))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(read, first) for first in range(4)]:
            done.result()
    assert wrong == []
    assert sum(old.tier.cache.cached().values()) <= old.tier.cache.limit


def test_without_the_section_the_error_says_what_is_missing(home: Home, old: Store) -> None:
    home.crash()
    again = home.store()
    with pytest.raises(ConfigError, match="none is set"):
        everything(again)
    assert again.latest([Tag("m", "t0")])[0] is not None


def test_a_damaged_object_is_an_error_not_an_answer(old: Store, bucket: Bucket) -> None:
    name = bucket.files()[0]
    bucket.objects.delete(name)
    bucket.objects.create(name, b"nothing of ours")
    with pytest.raises(NotFound, match="damaged"):
        everything(old)
    assert name.rpartition("/")[2] not in here(old)


def test_an_object_that_is_gone_is_named(old: Store, bucket: Bucket) -> None:
    name = bucket.files()[0]
    bucket.objects.delete(name)
    with pytest.raises(NotFound, match="does not have lineshaft/samples/day="):
        everything(old)


def test_another_home_may_not_have_the_same_prefix(tmp_path_factory: pytest.TempPathFactory, old: Store, bucket: Bucket) -> None:
    assert here(old) == []
    other = Home(tmp_path_factory.mktemp("other"))
    store = opened(other, bucket)
    filled(store, 1)
    done = store.tier.run()
    assert "belongs to another home" in done.problems[0]
    assert len(here(store)) == 1
    other.close()
    other.db.close()


def test_an_object_with_other_content_stops_nothing_but_its_file(home: Home, bucket: Bucket) -> None:
    store = opened(home, bucket)
    filled(store)
    file = store._index.of("samples")[0]
    bucket.objects.create(f"lineshaft/samples/{file.name}", b"x" * file.size)
    done = store.tier.run()
    assert done.moved == DAYS - 1
    assert "another content" in done.problems[0]
    assert everything(store) == expected()
    assert any(event.key == "store:objects" and event.active for event in home.events)


class Silent(Objects):
    """A store that stopped answering."""

    def read(self, key: str, size: int | None = None) -> object:  # type: ignore[override]
        raise Retryable(f"object storage does not answer: {key}", where=self.where, hint="check network and store")


def test_unreachable_fails_what_needs_it_and_nothing_else(home: Home, old: Store, bucket: Bucket) -> None:
    give(old, 90, [("t0", T0 + 9 * DAY, 5.0)])
    old.tier.mover._objects = Silent(bucket.memory, "far away")
    with pytest.raises(Retryable, match="does not answer"):
        everything(old)
    with pytest.raises(Retryable, match="does not answer"):
        old.sql.ask("select count(*) from samples", ENGINEER).run()
    assert plain(old.history(Tag("m", "t0"), T0 + 8 * DAY, T0 + 10 * DAY)) == [(T0 + 9 * DAY, 5.0, 0)]
    give(old, 91, [("t0", T0 + DAY + 1, -1.0)])
    old.flush()
    assert old.compact(T0 // DAY + 1) == 0
    keys = {event.key: event.active for event in home.events}
    assert keys["store:objects"] is True
    assert keys["store:compaction"] is True
    assert "store:lake" not in keys
    old.tier.mover._objects = bucket.objects
    assert old.compact(T0 // DAY + 1) == 2
    assert len(everything(old)) == len(expected()) + 2
    keys = {event.key: event.active for event in home.events}
    assert keys["store:objects"] is False
    assert keys["store:compaction"] is False


def test_settings_say_what_is_wrong() -> None:
    for wrong, said in (
        ({"bucket": "b", "endpoint": "s3.example"}, "not a URL"),
        ({"bucket": "b", "endpoint": "http://s3.example"}, "without TLS"),
        ({"bucket": "b", "prefix": "/x"}, "without a slash"),
        ({"rules": [{"older": "1d"}]}, "need a bucket"),
    ):
        with pytest.raises(ValueError, match=said):
            TiersSettings.model_validate(wrong)
    assert TiersSettings(bucket="b", endpoint="http://s3.example", allow_http=True).where == "http://s3.example/b"


def test_the_keeper_applies_the_rules_and_deletes_what_is_replaced(home: Home, bucket: Bucket) -> None:
    store = opened(home, bucket)
    filled(store)
    store.tier.tend(now_ns())
    waited(store)
    assert len(bucket.files()) == DAYS
    store.tier.tend(now_ns())
    give(store, 90, [("t0", T0 + 1, -1.0)])
    store.flush()
    store.compact()
    store.sweep(now_ns())
    store.tier.tend(now_ns() + 2 * 60 * SECOND)
    waited(store)
    left = {f"lineshaft/samples/{file.name}" for file in store._index.of("samples") if store._index.elsewhere(file)}
    assert left == set(bucket.files())
    assert len(left) == DAYS
    assert store.sweep(now_ns()) > 0


def waited(store: Store) -> None:
    """Wait for the pass that is under way."""
    thread = store.tier._thread
    assert thread is not None
    thread.join(60)
    assert not thread.is_alive()
