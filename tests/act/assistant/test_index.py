"""The index: found by words of both languages, renewed and dropped by source."""

from __future__ import annotations

from lineshaft.act.assistant.index import Index, Source
from lineshaft.act.assistant.reading import Passage
from lineshaft.act.assistant.words import words

MANUAL = Source("document", "m1", "1", "Bakery/Line 1/Cooler/Coolant pump", "Coolant pump manual")


def test_found_by_stem_beginning_and_the_other_language(tmp_path):
    index = Index(tmp_path / "a.db")
    index.put(
        MANUAL, [Passage("page 3", "Replace the bearings when vibration exceeds 7.1 mm/s."), Passage("page 9", "Oil level.")]
    )
    assert [hit.place for hit in index.search(words("bearing"))] == ["page 3"]
    assert [hit.place for hit in index.search(words("Lager tauschen?"))] == ["page 3"]
    assert [hit.place for hit in index.search(words("vibr"))] == ["page 3"]
    assert index.search(words("the and is")) == []
    assert index.search(words('"; DROP TABLE passage; --')) == []
    index.close()
    assert index.count() == 2  # opened again


def test_a_source_is_renewed_in_place_and_dropped(tmp_path):
    index = Index(tmp_path / "a.db")
    index.put(MANUAL, [Passage("1", "old words")])
    index.put(Source("document", "m1", "2", "", "Manual"), [Passage("1", "new words")])
    assert index.search(["old"]) == []
    assert index.marks("document") == {"m1": "2"}
    index.drop("document", ["m1"])
    assert (index.count(), index.marks("document")) == (0, {})
    index.close()


def test_words_of_nothing():
    assert words("") == []
    assert words("Was ist mit der Pumpe?") == ["pumpe", "pump"]
