"""The historian against a dict: whatever is given, late, twice, corrected, flushed, compacted, restarted - reads agree."""

from __future__ import annotations

import itertools
import math
import tempfile
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lineshaft.store import Tag
from tests.store.conftest import Home
from tests.store.giving import DAY, SECOND, T0, batch, give, plain

TAGS = ("a", "b", "c", "d")
TIMES = [T0 + day * DAY + s * SECOND + ns for day in (0, 1, 3) for s in (0, 1, 60, 86_399) for ns in (0, 1, 999, 1_000)]
VALUES = {
    "a": st.one_of(st.floats(-1e6, 1e6, width=32), st.just(math.nan), st.none()),
    "b": st.one_of(st.integers(-(2**63), 2**63 - 1), st.none()),
    "c": st.one_of(st.text(max_size=5), st.none()),
    "d": st.one_of(st.booleans(), st.none()),
}
ROWS = st.lists(
    st.sampled_from(TAGS).flatmap(
        lambda tag: st.tuples(st.just(tag), st.sampled_from(TIMES), VALUES[tag], st.sampled_from([0, 0, 0, 1, 2]))
    ),
    min_size=1,
    max_size=12,
)


def same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return one == other and type(one) is type(other)


class Plant(RuleBasedStateMachine):
    """Random operations on a store, compared with a dict keyed like the store."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.home = Home(Path(self._folder.name))
        self.model: dict[tuple[str, int, int], object] = {}
        self.last: dict[str, tuple[int, object, int]] = {}
        self.given: dict[str, int] = dict.fromkeys(TAGS, 0)
        self.twice: dict[str, int] = dict.fromkeys(TAGS, 0)
        self.batches: list[list[tuple[str, int, object, int]]] = []
        self.seqs = itertools.count(1)

    @initialize()
    def open(self) -> None:
        self.store = self.home.store()

    def _learn(self, rows: list[tuple[str, int, object, int]]) -> None:
        for tag, ts, value, q in rows:
            self.model[tag, ts, q] = value
            self.given[tag] += 1
            if tag not in self.last or ts >= self.last[tag][0]:
                self.last[tag] = (ts, value, q)

    @rule(rows=ROWS)
    def give(self, rows: list[tuple[str, int, object, int]]) -> None:
        give(self.store, next(self.seqs), rows)
        self.batches.append(rows)
        self._learn(rows)

    @rule(many=st.lists(ROWS, min_size=2, max_size=4))
    def give_a_group(self, many: list[list[tuple[str, int, object, int]]]) -> None:
        stored = self.store.append([batch(next(self.seqs), rows) for rows in many])
        self.store.show(stored)
        for rows in many:
            self.batches.append(rows)
            self._learn(rows)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        seq = data.draw(st.integers(1, len(self.batches)))
        stored = give(self.store, seq, self.batches[seq - 1])
        assert stored.duplicate == len(self.batches[seq - 1])
        for tag, *_ in self.batches[seq - 1]:
            self.twice[tag] += 1

    @rule()
    def flush(self) -> None:
        self.store.flush()
        assert self.store.hot_rows == 0

    @rule()
    def compact(self) -> None:
        self.store.compact()

    @rule()
    def sweep(self) -> None:
        self.store.sweep(before=2**62)

    @rule()
    def restart(self) -> None:
        self.home.close()
        self.store = self.home.store()

    @rule(tag=st.sampled_from(TAGS), start=st.sampled_from(TIMES), end=st.sampled_from(TIMES), good=st.booleans())
    def ask(self, tag: str, start: int, end: int, good: bool) -> None:
        expected = sorted((ts, q) for t, ts, q in self.model if t == tag and start < ts <= end and not (good and q))
        table = self.store.history(Tag("m", tag), start, end, good_only=good)
        assert [(ts, q) for ts, _, q in plain(table)] == expected
        for ts, value, q in plain(table):
            assert same(value, self.model[tag, ts, q]), (tag, ts, q)

    @rule(tag=st.sampled_from(TAGS), size=st.integers(1, 5), down=st.booleans())
    def page(self, tag: str, size: int, down: bool) -> None:
        whole = plain(self.store.history(Tag("m", tag), 0, 2**62, descending=down))
        pages: list[tuple[object, ...]] = []
        after = None
        while True:
            table = self.store.history(Tag("m", tag), 0, 2**62, limit=size, after=after, descending=down)
            if not len(table):
                break
            pages += plain(table)
            after = self.store.page(table)
        assert str(pages) == str(whole)

    @rule(tag=st.sampled_from(TAGS), at=st.sampled_from(TIMES))
    def look_back(self, tag: str, at: int) -> None:
        fit = [ts for t, ts, q in self.model if t == tag and q == 0 and ts <= at and self._usable(tag, ts)]
        found = self.store.before(Tag("m", tag), at)
        assert (found.ts if found else None) == (max(fit) if fit else None)
        if found:
            assert same(found.value, self.model[tag, found.ts, 0])

    def _usable(self, tag: str, ts: int) -> bool:
        value = self.model[tag, ts, 0]
        return value is not None and not (isinstance(value, float) and math.isnan(value))

    @invariant()
    def now_is_right(self) -> None:
        if not hasattr(self, "store"):
            return
        for tag, found in zip(TAGS, self.store.latest([Tag("m", tag) for tag in TAGS]), strict=True):
            if tag not in self.last:
                assert found is None
            else:
                assert found is not None
                assert (found.ts, found.quality) == (self.last[tag][0], self.last[tag][2])
                assert same(found.value, self.last[tag][1])

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            sids = {tag: self.store.sid("m", tag) for tag in TAGS}
            table = self.store.span([sid for sid in sids.values() if sid is not None], 0, 2**62)
            names = {sid: tag for tag, sid in sids.items()}
            keys = [(names[row[0]], row[1], row[6]) for row in plain(table)]  # type: ignore[index]
            assert sorted(keys) == sorted(self.model)
            ledger = {row.tag: row for row in self.store.ledger({("m", tag): n for tag, n in self.given.items()})}
            for tag in TAGS:
                assert (ledger[tag].stored, ledger[tag].duplicate, ledger[tag].balance) == (self.given[tag], self.twice[tag], 0)
            assert not self.home.events
        finally:
            self.home.close()
            self.home.db.close()
            self._folder.cleanup()


TestPlant = Plant.TestCase
TestPlant.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # add Phase.shrink to look into a failure: it takes minutes
)
