from __future__ import annotations

import duckdb
import pytest

from lineshaft.store import Store, Tag
from lineshaft.store.hot import Hot
from tests.store.giving import T0, batch, plain


def test_rows_that_could_not_be_shown_come_with_the_next_and_hold_nothing_up(store: Store, monkeypatch):
    first = store.append([batch(1, [("a", T0 + 1, 1.0)])])
    with monkeypatch.context() as patch:
        patch.setattr(Hot, "remember", lambda *_: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError):
            store.show(first)
    store.show(store.append([batch(2, [("a", T0 + 2, 2.0)])]))
    assert [row[1] for row in plain(store.history(Tag("m", "a"), 0, 2**62))] == [1.0, 2.0]
    assert store.flush() == 2
    assert store._journal.db.execute("select count(*) from log").fetchone() == (0,)


def test_rows_are_shown_once_even_if_memory_could_not_take_them_in_at_once(store: Store, monkeypatch):
    monkeypatch.setattr("lineshaft.store.hot._FOLD", 1)
    whole, failed = Hot._fold, []

    def fold(hot: Hot) -> None:
        if not failed:
            failed.append(1)
            raise duckdb.OutOfMemoryException("no room")
        whole(hot)

    monkeypatch.setattr(Hot, "_fold", fold)
    store.show(store.append([batch(1, [("a", T0 + 1, 1.0)])]))
    store.show(store.append([batch(2, [("a", T0 + 2, 2.0)])]))
    assert [row[1] for row in plain(store.history(Tag("m", "a"), 0, 2**62))] == [1.0, 2.0]
    assert store.flush() == 2
