"""What is past its time goes, in the database, on the shelf and in the lake, and never what something open refers to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from lineshaft.app.retention import DAY, Forgotten, Retention, RetentionSettings
from lineshaft.cli.retention import retention
from lineshaft.core import Bus, Conflict, Database, NotFound, metadata, now_ns
from lineshaft.detect.finding import Findings
from lineshaft.detect.fleet.book import FleetBook
from lineshaft.detect.machines.book import Book
from lineshaft.detect.machines.filing import Filing
from lineshaft.detect.registry.book import ModelBook
from tests.app.forgetter import Books, age_files

NOW = now_ns()
OLD, NEW = NOW - 100 * DAY, NOW - 5 * DAY
SHORT = RetentionSettings(
    alarm_log_days=30, tower_days=30, etl_days=30, findings_days=30, records_days=30, records_keep=2, model_versions=2
)
EVER = RetentionSettings(alarm_log_days=0, tower_days=0, etl_days=0, findings_days=0, records_days=0, model_versions=0)
PUMP = "Bakery/Pump"


class Node(Books):
    """The rows, and what is asked of them."""

    def run(self, settings: RetentionSettings = SHORT) -> Forgotten:
        return self.retention(settings).run(NOW, self.tablets, self.guard)

    def due(self, settings: RetentionSettings = SHORT) -> dict[str, int]:
        return {one.name: one.rows for one in self.retention(settings).due(NOW) if one.rows}

    def retention(self, settings: RetentionSettings) -> Retention:
        return Retention(self.db, settings, self.shelf)

    def alarm(self, key: str, state: str = "normal", **more: Any) -> str:
        return self.put("alarm", **{"id": key, "name": key, "asset_id": key, "state": state, **more})

    def said(self, name: str, alarm: str, at: int, occurrence: str | None = None) -> None:
        self.put("alarm_log", id=name, alarm_id=alarm, at=at, written=at, occurrence=occurrence)

    def finding(self, name: str, label: str | None = "confirmed", at: int = OLD, **more: Any) -> str:
        given = {"asset": PUMP, "kind": "anomaly", "failure_mode": "", "evidence": {}, "labelled": at, **more}
        return self.put("finding", id=name, label=label, at=at, **given)

    def precision(self) -> list[dict[str, Any]]:
        return Findings(self.db, Bus()).precision()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Node]:
    one = Node(tmp_path)
    yield one
    one.db.close()


@pytest.fixture
def anywhere(tmp_path: Path, database: Database) -> Node:
    """The same in SQLite, and in PostgreSQL."""
    return Node(tmp_path, database)


# -- logs


def test_the_alarm_log_loses_what_is_old_and_nothing_that_something_open_refers_to(books: Node):
    states = {"quiet": "normal", "stands": "unack", "cased": "normal", "worked": "normal", "joined": "normal", "past": "normal"}
    for name, state in states.items():
        books.alarm(name, state)
        books.said(f"{name} old", name, OLD, occurrence=f"{name} 1")
        books.said(f"{name} new", name, NEW, occurrence=f"{name} 2")
    books.put("cases", id="c1", number="C-1", source_id="alarm:cased 1", alarm_id="cased", state="open", open_key="k1")
    books.put("cases", id="c2", number="C-2", source_id="alarm:past 1", alarm_id="past", state="done", open_key="k2")
    books.put("work_order", id="w1", number="W-1", source_type="alarm", source_id="alarm:worked 1", state="in_progress")
    books.put("work_order", id="w2", number="W-2", source_type="alarm", source_id="alarm:past 1", state="closed")
    books.put("work_order_finding", id="j1", order_id="w1", source_id="alarm:joined 1")
    assert books.run().alarm_log == 2
    gone = {f"{name} {age}" for name in states for age in ("old", "new")}
    assert gone - books.left("alarm_log") == {"quiet old", "past old"}
    assert books.run() == Forgotten()


def test_the_tower_keeps_what_open_cases_and_orders_are_about(books: Node):
    books.put("cases", id="going", number="C-1", source_id="a", state="open", open_key="k1")
    books.put("cases", id="over", number="C-2", source_id="b", state="done", open_key="k2")
    books.put("cases", id="unclosed", number="C-3", source_id="c", state="done", open_key="k3")
    books.put("work_order", id="w1", number="W-1", case_id="unclosed", state="done")
    for case in ("going", "over", "unclosed"):
        books.put("tower", id=f"{case} old", case_id=case, at=OLD)
        books.put("tower", id=f"{case} new", case_id=case, at=NEW)
    books.put("tower", id="of no case", case_id="none", at=OLD)
    assert books.run().tower == 2
    assert books.left("tower") == {"going old", "going new", "over new", "unclosed old", "unclosed new"}


def test_each_job_keeps_its_last_run_and_those_that_go_on(books: Node):
    for name, job, started, ended in (
        ("a1", "a", OLD, OLD + 1),
        ("a2", "a", OLD + 9, OLD + 10),
        ("b1", "b", OLD, None),
        ("b2", "b", OLD + 1, OLD + 2),
        ("b3", "b", NEW, NEW + 1),
    ):
        books.put("etl_run", id=name, job=job, started=started, ended=ended)
    assert books.run().etl_runs == 2
    assert books.left("etl_run") == {"a2", "b1", "b3"}


def test_the_lakes_copy_loses_the_same_rows(books: Node):
    books.alarm("quiet")
    books.alarm("stands", "unack")
    for alarm in ("quiet", "stands"):
        books.said(f"{alarm} old", alarm, OLD)
        books.said(f"{alarm} new", alarm, NEW)
    books.copy("alarm_log", "written")
    assert books.run() == Forgotten(alarm_log=1, lake=1)
    tablets = books.tablets
    assert tablets.get("alarm_log").rows == 3
    assert tablets.get("alarm_log").marks == {"mirror/alarm_log": 7}


def test_nothing_goes_where_the_retention_is_zero(books: Node):
    books.alarm("quiet")
    books.said("old", "quiet", OLD)
    books.put("tower", id="old", case_id="none", at=OLD)
    books.finding("old")
    books.record("old", OLD)
    books.model(5)
    assert books.due(EVER) == {}
    assert books.run(EVER) == Forgotten()


def test_every_batch_is_in_the_audit_chain(books: Node):
    books.finding("old")
    for number in range(4):
        books.record(f"r{number}", OLD + number)
    books.run()
    said = {row.resource: row.detail for row in books.guard.audit(action="retention.forget")}
    assert {name: detail["rows"] for name, detail in said.items() if detail} == {"findings": 1, "raw vibration records": 2}
    assert books.guard.verify().ok


# -- findings


def test_judged_findings_go_and_open_ones_and_those_in_use_stay(books: Node):
    for name in ("over", "cased", "done", "ordered", "joined", "proposed", "lasts", "followed", "forecast", "listed"):
        books.finding(name)
    books.finding("nobody judged", None)
    books.finding("judged lately", labelled=NEW)
    books.finding("stands", kind="bearing", at=OLD)
    books.finding("before it stood", kind="bearing", at=OLD - 9)
    books.finding("learned from", asset="Bakery/Fan")
    books.finding("of a part", asset="Bakery/Fan/Motor")
    books.finding("of its neighbour", asset="Bakery/Fan 2")
    books.finding("too old to learn from", asset="Bakery/Fan", at=OLD - 100 * DAY)
    books.alarm("a1", "acked", asset=PUMP, name="Finding: bearing", origin="finding", since=OLD - 1, active=True)
    books.put("machine_model", id="fan", asset="Bakery/Fan", lookback=150 * DAY)
    books.put("cases", id="c1", number="C-1", source_id="finding:cased", state="open", open_key="k1")
    books.put("cases", id="c2", number="C-2", source_id="finding:done", state="done", open_key="k2")
    books.put("work_order", id="w1", number="W-1", source_id="finding:ordered", state="on_hold")
    books.put("work_order_finding", id="j1", order_id="w1", source_id="finding:joined")
    books.put("approval", id="p1", task="label", state="open", proposal={"finding_id": "proposed"})
    books.model(1, finding="followed")
    books.put("machine_model_alert", id="al", version_id="m v1", start=1, finding="lasts", end=None)
    books.put("life_fleet", id="f1", name="f1", assets=[], properties=[])
    books.put("life_forecast", id="fc", fleet_id="f1", asset=PUMP, finding="forecast")
    books.position(noticed=[{"finding": "listed"}])
    assert books.due() == {"findings": 5}
    before = books.precision()
    assert books.run().findings == 5
    there = books.left("finding")
    assert {"over", "done", "before it stood", "too old to learn from", "of its neighbour"}.isdisjoint(there)
    assert len(there) == 13
    assert books.precision() == before
    assert books.run() == Forgotten()


def test_the_published_precision_stays_what_it_was(books: Node):
    for n, label in enumerate(("confirmed", "confirmed", "false_alarm", "no_fault_found", "neutral")):
        books.finding(f"old {n}", label, at=OLD + n)
        books.finding(f"older {n}", label, at=OLD - 50 * DAY + n)
        books.finding(f"new {n}", label, at=NEW + n)
    before = books.precision()
    assert before[0]["precision"] == pytest.approx(6 / 9)
    assert books.run(SHORT.model_copy(update={"findings_days": 120})).findings == 5
    assert books.precision() == before
    assert books.run().findings == 5
    assert books.precision() == before
    assert books.count("finding_count") == 4
    assert books.count("finding") == 5


def test_a_finding_that_went_says_so(books: Node):
    books.finding("old")
    books.run()
    with pytest.raises(NotFound) as told:
        Findings(books.db, Bus()).get("old")
    assert "findings_days" in told.value.hint


def test_an_edge_that_tells_again_of_an_alert_whose_finding_is_gone_changes_nothing(books: Node):
    books.finding("old")
    books.model(1)
    books.put("machine_model_alert", id="al", version_id="m v1", start=1, finding="old", end=OLD, source="edge/pump", told=1)
    books.run()
    filing = Filing(books.db, Findings(books.db, Bus()), books.guard)
    alert = filing.alert(None, "m v1", 1)
    assert alert is not None
    assert not filing.unexplained(alert)
    with books.db.begin() as tx:
        model = {"name": "m", "id": "m", "asset": PUMP, "failure_mode": ""}
        said = {"at": 1, "evidence": {}, "sensors": [], "score": 0.9, "source": "edge/pump"}
        assert filing.file(tx, model, "m v1", 1, said) == "old"
        filing.ended(tx, "old", OLD + 1)
    assert books.count("finding") == 0


# -- raw records


def test_old_records_go_with_their_contents_and_the_newest_stay(books: Node):
    for number in range(5):
        books.record(f"old {number}", OLD + number)
    books.record("new", NEW)
    books.record("taken in lately", OLD, taken=NEW)
    books.copy("document", "created", "documents")
    assert books.due() == {"raw vibration records": 4}
    gone = books.run()
    assert (gone.records, gone.files, gone.lake) == (4, 4, 4)
    assert books.left("vibration_record") == {"old 4", "new", "taken in lately"}
    assert books.files() == books.named_files()
    assert books.tablets.get("documents").rows == 3
    assert books.run() == Forgotten()


def test_records_that_something_is_about_stay(books: Node):
    for day in range(20):
        books.record(f"d{day}", OLD + day * DAY)
    about = {"position_id": "p", "start_ns": OLD + 3 * DAY, "end_ns": OLD + 4 * DAY}
    books.finding("open", None, kind="vibration", at=OLD + 4 * DAY, evidence=about)
    books.finding("between", None, kind="bearing", at=OLD + 7 * DAY + 1, evidence={"position_id": "p"})
    books.put("condition_resolution", id="r", position_id="p", since=OLD + 9 * DAY - 1, at=OLD + 10 * DAY + 1)
    books.run()
    assert books.left("vibration_record") == {f"d{day}" for day in (3, 4, 7, 9, 10, 18, 19)}


def test_records_since_a_position_is_not_healthy_stay_and_the_one_before(books: Node):
    books.position(state="alarm", since=OLD + 5 * DAY)
    for day in range(8):
        books.record(f"d{day}", OLD + day * DAY)
    books.run()
    assert books.left("vibration_record") == {f"d{day}" for day in (5, 6, 7)} | {"d5"}


@pytest.mark.parametrize(("stream", "kept"), [("", {0, 1, 2, 3, 18, 19}), ("stream", {0, 1, 18, 19})])
def test_records_that_taught_the_baseline_stay(books: Node, stream: str, kept: set[int]):
    books.position(vibration=stream, settings={"learn": 4}, created=OLD)
    for day in range(20):
        books.record(f"d{day}", OLD + day * DAY, judged=True)
    books.run()
    assert books.left("vibration_record") == {f"d{day}" for day in kept}


def test_a_baseline_that_was_learned_anew_keeps_what_taught_it(books: Node):
    books.position(vibration="stream", now={"learned_since_ns": OLD + 10 * DAY - 1})
    for day in range(20):
        books.record(f"d{day}", OLD + day * DAY, judged=True)
    books.run()
    assert books.left("vibration_record") == {f"d{day}" for day in (0, 1, 10, 11, 18, 19)}


def test_records_of_the_plants_files_stay_as_the_next_start_would_bring_them_back(books: Node):
    for number in range(6):
        books.record(f"r{number}", OLD + number, by="system:import" if number < 2 else "olga")
    books.run()
    assert books.left("vibration_record") == {"r0", "r1", "r4", "r5"}


def test_a_content_that_another_document_has_too_stays(books: Node):
    for number in range(3):
        books.record(f"r{number}", OLD + number, content=b"the same")
    with books.db.begin() as tx:
        books.shelf.add(tx, "copy", "x/y", b"the same")
    age_files(books.home)
    assert (books.run().records, len(books.files())) == (1, 1)


def test_a_content_that_is_put_on_the_shelf_again_at_the_same_time_stays(books: Node):
    for number in range(3):
        books.record(f"r{number}", OLD + number)
    shelf = books.shelf
    with books.db.begin() as tx:
        shelf.remove(tx, [f"doc r{number}" for number in range(3)])
        tx.execute(metadata.tables["vibration_record"].delete())
    (books.home / "documents").mkdir(exist_ok=True)
    with books.db.begin() as tx:
        again = shelf.add(tx, "again", "x/y", b"r0")
        assert books.unlinked_by_another_thread() == 2  # the row of the new one cannot be seen there yet
    assert shelf.content(again.id) == b"r0"
    assert shelf.clear() == 0
    assert books.count("document_unnamed") == 0


# -- versions


def test_old_versions_lose_what_they_learned_and_those_in_use_do_not(books: Node):
    books.model(9, active=3, shadow=4, previous=1)
    books.put("machine_model_place", version_id="m v2", source="edge/pump")
    assert books.due() == {"versions of models of machines": 3}
    assert books.run().versions == 3
    rows = {row["number"]: row for row in books.db.rows(sa.select(metadata.tables["machine_model_version"]))}
    assert {number for number, row in rows.items() if row["blob"] is None} == {5, 6, 7}
    assert {row["state"] for row in rows.values() if row["blob"] is None} == {"forgotten"}
    assert {row["forgotten"] for row in rows.values()} == {None, NOW}
    assert rows[5]["backtest"] == {"alerts": 3}
    assert books.run() == Forgotten()


def test_a_version_without_what_it_learned_is_refused_with_a_way_out(books: Node):
    books.model(9, active=9)
    books.run()
    book = Book(books.db, cast("Any", None))
    with pytest.raises(Conflict, match="version 3 had learned was taken away on 20") as told, books.db.begin() as tx:
        book.use(tx, "m", 3, "active")
    assert told.value.code == "models.forgotten"
    assert "train a new version on the same time (1970-01-01T00:00:00Z to" in told.value.hint
    assert book.model("m")["active"] == 9


def test_versions_of_remaining_life_and_own_models(books: Node):
    books.put("life_fleet", id="f", name="f", assets=[], properties=[], active=1)
    books.put("own_model", id="o", name="own", previous=2)
    for number in range(1, 10):
        fleet = {"fleet_id": "f", "number": number, "state": "ready", "blob": b"x" * 10}
        books.put("life_version", id=f"l{number}", **fleet)
        stage = {1: "production", 2: "archived", 3: "staging", 5: "archived"}.get(number, "new")
        books.put("own_model_version", id=f"o{number}", model_id="o", number=number, stage=stage, content=b"y" * 10, size=10)
    books.put("own_model_scorer", id="s", model_id="o", number=4, property="x", inputs={})
    assert books.due() == {"versions of remaining life": 6, "versions of own models": 2}
    assert books.run().versions == 8
    with pytest.raises(Conflict, match="taken away") as told, books.db.begin() as tx:
        FleetBook(books.db, cast("Any", None)).use(tx, "f", 5)
    assert "train a new version" in told.value.hint
    own = ModelBook(books.db, cast("Any", None))
    for number in (6, 7):
        with pytest.raises(Conflict, match="taken away") as told, books.db.begin() as tx:
            own.stage(tx, "own", number, "production")
        assert "register its file again" in told.value.hint
        with pytest.raises(Conflict, match="taken away"):
            own.version("own", number)
    assert [own.version("own", number)["content"] for number in (1, 2, 3, 4, 5, 8, 9)] == [b"y" * 10] * 7
    assert own.about("own", 6)["size"] == 10


def test_what_was_in_production_before_is_known_and_stays(books: Node):
    books.put("own_model", id="o", name="own")
    for number in range(1, 8):
        books.put("own_model_version", id=f"o{number}", model_id="o", number=number, stage="new", content=b"y")
    own = ModelBook(books.db, cast("Any", None))
    for number in (1, 2):
        with books.db.begin() as tx:
            own.stage(tx, "own", number, "production")
    with books.db.begin() as tx:
        own.stage(tx, "own", 4, "archived")
    books.run()
    left = {row["number"] for row in own.versions("o") if row["forgotten"] is None}
    assert left == {1, 2, 4, 6, 7}


# -- everywhere


@pytest.mark.slow
def test_the_same_goes_in_both_databases(anywhere: Node):
    anywhere.finding("over")
    anywhere.finding("cased")
    anywhere.finding("about", None, kind="vibration", evidence={"position_id": "p", "start_ns": OLD, "end_ns": OLD})
    anywhere.put("cases", id="c1", number="C-1", source_id="finding:cased", state="open", open_key="k1")
    anywhere.alarm("worked")
    anywhere.said("worked old", "worked", OLD, occurrence="1")
    anywhere.put("work_order", id="w1", number="W-1", source_type="alarm", source_id="alarm:1", state="in_progress")
    for number in range(5):
        anywhere.record(f"r{number}", OLD + number)
    anywhere.model(5, active=1)
    before = anywhere.precision()
    gone = anywhere.run()
    assert (gone.alarm_log, gone.findings, gone.records, gone.files, gone.versions) == (0, 1, 2, 2, 2)
    assert (anywhere.left("finding"), anywhere.left("vibration_record")) == ({"cased", "about"}, {"r0", "r3", "r4"})
    assert anywhere.precision() == before
    assert anywhere.run() == Forgotten()


def test_the_command_says_what_would_go_and_writes_nothing(books: Node):
    for number in range(12):
        books.record(f"r{number}", NOW - 400 * DAY + number, content=bytes(2000) + bytes([number]))
    told = CliRunner().invoke(retention, ["--home", str(books.home)], standalone_mode=False)
    assert told.exception is None
    said = dict(line.split(": ", 1) for line in told.stdout.splitlines())
    assert said["findings"] == "nothing"
    assert said["raw vibration records"].startswith("2, 4")
    assert books.count("vibration_record") == 12


# -- stopped in between


@pytest.mark.parametrize("step", ["rows", "file", "list"])
def test_a_stop_between_two_steps_leaves_nothing_that_the_next_run_does_not_finish(
    books: Node, step: str, monkeypatch: pytest.MonkeyPatch
):
    for number in range(6):
        books.record(f"r{number}", OLD + number)
    shelf = books.shelf

    def stop(*_: Any) -> Any:
        raise KeyboardInterrupt

    if step == "rows":
        monkeypatch.setattr(shelf, "clear", stop)
    elif step == "file":
        unlink, seen = Path.unlink, list[Path]()
        monkeypatch.setattr(Path, "unlink", lambda path, **how: stop() if seen else (seen.append(path), unlink(path, **how)))
    else:
        monkeypatch.setattr(type(shelf), "_unlink", lambda one, digest: (one._path(digest).unlink(), stop()))
    with pytest.raises(KeyboardInterrupt):
        books.run()
    monkeypatch.undo()
    assert books.named_files() <= books.files()
    books.run()
    assert books.files() == books.named_files()
    assert books.left("vibration_record") == {"r4", "r5"}
    assert books.count("document_unnamed") == 0


@pytest.mark.slow
def test_killed_at_any_moment_rows_and_files_agree(tmp_path: Path):
    books = Node(tmp_path)
    try:
        with books.together():
            for number in range(1500):
                books.record(f"r{number:04}", OLD + number)
                if not number % 3:
                    books.finding(f"f{number:04}", "confirmed" if number % 2 else "false_alarm", at=OLD + number)
            books.model(400)
        before, kills = books.precision(), 0
        for wait in (0.0, 0.02, 0.05, 0.1, 0.2, 0.3):
            code = [sys.executable, "-m", "tests.app.forgetter", str(tmp_path), str(NOW)]
            with subprocess.Popen(code, stdout=subprocess.PIPE, text=True) as child:
                assert child.stdout is not None
                child.stdout.readline()  # it begins to forget
                time.sleep(wait)
                kills += child.poll() is None
                child.kill()
            assert books.named_files() <= books.files()
            assert books.precision() == before
            assert books.guard.verify().ok
        assert kills > 1
        books.run()
        assert books.files() == books.named_files()
        assert (books.count("vibration_record"), books.count("finding"), books.precision()) == (2, 0, before)
        versions = books.db.rows(sa.select(metadata.tables["machine_model_version"]))
        assert sum(row["blob"] is not None for row in versions) == 2
        assert all((row["state"] == "forgotten") == (row["blob"] is None) for row in versions)
    finally:
        books.db.close()
