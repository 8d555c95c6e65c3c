from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft.core import Database, InvalidInput, NotFound
from lineshaft.store import MIGRATIONS, Documents


@pytest.fixture
def shelf(database: Database, tmp_path: Path) -> Documents:
    database.migrate({"store": MIGRATIONS})
    return Documents(tmp_path / "documents", database)


def test_a_document_is_kept_by_its_content(shelf: Documents, database: Database, tmp_path: Path):
    with database.begin() as tx:
        one = shelf.add(tx, "manual.pdf", "application/pdf", b"how to", "Site/Line 1/Pump", {"pages": 3})
        two = shelf.add(tx, "copy.pdf", "application/pdf", b"how to", "Site/Line 10")
    assert one.sha256 == two.sha256
    assert len([path for path in (tmp_path / "documents").rglob("*") if path.is_file()]) == 1
    assert shelf.get(one.id) == one
    assert shelf.content(two.id) == b"how to"
    assert [d.name for d in shelf.list("Site/Line 1")] == ["manual.pdf"]
    assert {d.name for d in shelf.list()} == {"manual.pdf", "copy.pdf"}
    newest = shelf.list(limit=1)
    assert {d.name for d in [*newest, *shelf.list(after=newest[0].id)]} == {"manual.pdf", "copy.pdf"}


def test_a_damaged_or_unknown_document_is_told(shelf: Documents, database: Database, tmp_path: Path):
    with database.begin() as tx:
        one = shelf.add(tx, "a.txt", "text/plain", b"right")
        with pytest.raises(InvalidInput, match="needs a name"):
            shelf.add(tx, " ", "text/plain", b"x")
    next(path for path in (tmp_path / "documents").rglob("*") if path.is_file()).write_bytes(b"wrong")
    with pytest.raises(NotFound, match="damaged"):
        shelf.content(one.id)
    with pytest.raises(NotFound, match="there is no document"):
        shelf.get("nothing")
