"""The edge buffer and the dictionaries that sources speak with: every value counted, none named wrongly, on disk as at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.connect import EdgeBuffer
from lineshaft.core import SAMPLES, samples

NAMES = [f"t{i}" for i in range(8)]
Spoken = tuple[list[str], list[int]]


def rows(words: list[str], said: list[int]) -> pa.RecordBatch:
    """Rows whose dictionary is `words`, of which only those said occur."""
    plain = samples([{"tag": "x", "ts": i, "value": float(i)} for i in range(len(said))])
    tags = pa.DictionaryArray.from_arrays(pa.array(said, pa.int32()), pa.array(words, pa.string()))
    return pa.RecordBatch.from_arrays([tags, *plain.columns[1:]], schema=SAMPLES)


@st.composite
def batches(draw: st.DrawFn) -> Spoken:
    words = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=12, unique=draw(st.booleans())))
    return words, draw(st.lists(st.integers(0, len(words) - 1), min_size=1, max_size=20))


@settings(max_examples=15)
@given(said=st.lists(batches(), min_size=1, max_size=6))
def test_every_value_is_counted_under_its_own_tag(said: list[Spoken]):
    names = [[words[i] for i in indices] for words, indices in said]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "edge.db"
        buffer = EdgeBuffer(path)
        for words, indices in said:
            buffer.put("line", rows(words, indices))
        wanted = {("line", tag): n for tag, n in Counter(tag for batch in names for tag in batch).items()}
        assert buffer.received() == buffer.pending() == wanted
        at_hand = buffer.head()
        buffer.close()
        again = EdgeBuffer(path)
        for got in (at_hand, again.head()):
            assert [batch.rows.column("tag").to_pylist() for batch in got] == names
            heard: set[str] = set()
            for batch, spoken in zip(got, names, strict=True):
                batch.rows.validate(full=True)
                heard |= set(spoken)
                assert set(batch.rows.column("tag").dictionary.to_pylist()) <= heard, "nothing is named that was never heard"
        assert again.received() == again.pending() == wanted
        again.delivered(again.head())
        assert again.pending() == {}
        again.close()


def test_a_dictionary_stays_the_same_while_much_of_it_is_used(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db")
    words = [*NAMES, "bad"]  # the machine does not know the last: nothing ever comes of it
    whole, part, little = (buffer.put("line", rows(words, said)) for said in (range(8), range(3, 8), [5]))
    assert whole.rows.column("tag").dictionary.to_pylist() == NAMES
    assert part.rows.column("tag").dictionary.to_pylist() == NAMES
    assert little.rows.column("tag").dictionary.to_pylist() == ["t5"]
    buffer.close()


def test_what_memory_does_not_hold_is_read_from_disk(tmp_path: Path):
    buffer = EdgeBuffer(tmp_path / "edge.db")
    many = [0] * 90_000
    sent = [buffer.put("line", rows(["a"], many)) for _ in range(4)]
    assert len(buffer._held) == 2
    got = buffer.head(rows=400_000)
    assert [batch.seq for batch in got] == [batch.seq for batch in sent]
    assert all(mine.rows.equals(theirs.rows) for mine, theirs in zip(sent, got, strict=True))
    buffer.delivered(got)
    assert (buffer._held, buffer._held_rows, buffer.waits) == ({}, 0, False)
    buffer.close()
