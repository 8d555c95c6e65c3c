from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from lineshaft.compute import Edit, RecomputeMoved, Request
from lineshaft.compute.tables import changes, recomputes
from lineshaft.core import NS, Conflict, InvalidInput, NotFound, samples
from lineshaft.production import QualityEntry
from tests.compute import test_oee
from tests.compute.test_oee import T0, H, plant, say  # noqa: F401 - the fixture

A = "Hall/Line/A"
METRICS = """
  - {{name: Twice, kind: transform, formula: "good * 2", inputs: {{good: Good}}}}
  - {{name: Most, kind: metric, window: 1m, formula: "max(twice)", inputs: {{twice: Twice}}}}
  - {{name: Running, kind: metric, window: 1m, type: double, formula: "statetime(state)", inputs: {{state: State}}}}
"""


@pytest.fixture
def node(plant, monkeypatch):  # noqa: F811
    monkeypatch.setattr(test_oee, "MODEL", _model())
    found = plant()
    say(found, "A", ("State", 0, 1), *(("Good", 30 * n, 10 * n) for n in range(121)), ("Bad", 0, 0), ("State", H, 1))
    found.arrive("plc", _later())
    found.close_windows(T0 + 30 * 86400 * NS)
    found.close_windows(T0 + 30 * 86400 * NS)
    yield found
    found.compute.recompute.stop()


def _model():
    return test_oee.MODEL.replace("oee:\n", METRICS.lstrip("\n") + "oee:\n", 1)


def _later():
    return samples([{"tag": "A/State", "ts": T0 + 2 * H * NS, "value": 1}])


def asked(*paths, start=0, end=H, **more):
    return Request(paths or (A,), T0 + start * NS, T0 + end * NS, **more)


def preview(node, request):
    job = node.compute.recompute.preview(request)
    assert node.compute.recompute.wait(job.id, 20)
    assert job.error == ""
    return job


def apply(node, request):
    job = node.compute.recompute.prepare(request, "anna")
    with node.db.begin() as tx:
        one = node.compute.recompute.ask(tx, job)
    assert node.compute.recompute.wait(one, 20)
    return node.compute.recompute.one(one)


def scrap(node, quantity, start=0, end=H, **more):
    entry = {"check": "weight", "machine": A, "scrap": quantity, "reason": "too light", "start": str(T0 + start * NS), **more}
    with node.db.begin() as tx:
        return node.production.quality.add(tx, QualityEntry(**entry, end=str(T0 + end * NS)), "eva")


def test_computing_the_past_again_changes_nothing_when_nothing_changed(node):
    job = preview(node, asked())
    assert (job.state, job.changed, job.listed) == ("done", 0, [])
    assert job.windows > 200


def test_a_new_formula_changes_the_past_only_by_a_recompute(node, tmp_path):
    before = node.values(f"{A}/Most", T0, T0 + H * NS)
    reformulate_in(node, tmp_path, "good * 3")
    assert node.values(f"{A}/Most", T0, T0 + H * NS) == before
    assert preview(node, asked()).changed == 0, "each value with the formula valid at its time"
    job = preview(node, asked(f"{A}/Twice", formula="current"))
    assert set(job.by_property) == {f"{A}/Twice", f"{A}/Most"}, "and what is computed from it"
    assert job.by_property[f"{A}/Most"] == 60
    assert node.values(f"{A}/Most", T0, T0 + H * NS) == before, "a preview writes nothing"
    assert node.db.rows(sa.select(recomputes)) == []
    row = apply(node, asked(f"{A}/Twice", formula="current", reason="formula-version", note="it was wrong"))
    assert (row["state"], row["by"], row["changed"], row["share"]) == ("done", "anna", job.changed, 1.0)
    after = node.values(f"{A}/Most", T0, T0 + H * NS)
    assert after == {ts: value * 1.5 for ts, value in before.items()}
    old = {one.ts: one.old for one in node.compute.recompute.changes(row["id"]) if one.path == f"{A}/Most"}
    assert old == before, "what was there stays readable"
    again = apply(node, asked(f"{A}/Twice", formula="current"))
    assert again["changed"] == 0


def reformulate_in(node, tmp_path, text):
    folder = tmp_path / "config"
    file = folder / "models" / "press.yaml"
    file.write_text(file.read_text().replace("good * 2", text).replace("version: 3", "version: 4"))
    assert not node.assets.load(folder).problems
    node.compute.reload()


def test_a_crash_in_the_middle_is_mended_by_going_on(node, tmp_path, monkeypatch):
    reformulate_in(node, tmp_path, "good * 3")
    before = node.values(f"{A}/Most", T0, T0 + H * NS)
    monkeypatch.setattr("lineshaft.compute.rewrite._AT_ONCE", 40)
    whole, count = node.store.append_derived, 0

    def breaks(rows, through):
        nonlocal count
        count += 1
        if count == 2:
            raise OSError("the power is gone")
        return whole(rows, through)

    monkeypatch.setattr(node.store, "append_derived", breaks)
    row = apply(node, asked(f"{A}/Twice", formula="current"))
    assert (row["state"], row["error"]) == ("failed", "OSError('the power is gone')")
    monkeypatch.setattr(node.store, "append_derived", whole)
    with node.db.begin() as tx:
        tx.execute(recomputes.update().values(state="running"))
    node.compute.recompute.start()
    assert node.compute.recompute.wait(row["id"], 20)
    row = node.compute.recompute.one(row["id"])
    assert row["state"] == "done"
    assert node.values(f"{A}/Most", T0, T0 + H * NS) == {ts: value * 1.5 for ts, value in before.items()}
    kept = {one.ts: one.old for one in node.compute.recompute.changes(row["id"]) if one.path == f"{A}/Most"}
    assert kept == before


def test_late_scrap_waits_for_a_recompute_and_the_old_figure_stays_known(node):
    machine, (start, end) = A, (T0, T0 + H * NS)
    before = node.compute.oee(machine, start, end)
    assert (before.counts, before.quality) == ({"good": 1200, "bad": 0}, 1.0)
    scrap(node, 120)
    waiting = node.compute.oee(machine, start, end)
    assert (waiting.quality, waiting.waiting) == (1.0, 120)
    job = preview(node, asked(reason="correction"))
    (told,) = job.figures
    assert (told["old"]["quality"], told["new"]["quality"], told["new"]["good"]) == (1.0, 0.9, 1080)
    assert {one.path for one in job.listed} == {f"{A}/{name}" for name in ("oee", "quality", "good", "bad", "earned_good")}
    assert node.compute.oee(machine, start, end).quality == 1.0
    row = apply(node, asked(reason="correction", note="weighed again"))
    after = node.compute.oee(machine, start, end, explain=True)
    assert (after.counts, after.quality, after.waiting) == ({"good": 1080, "bad": 120}, 0.9, 0)
    assert after.oee == pytest.approx(before.oee * 0.9)
    assert after.performance == before.performance, "scrap is made as fast as good parts"
    (correction,) = after.corrections
    assert (correction["parts"], correction["reason"], correction["recompute"]) == (pytest.approx(120), "too light", row["id"])
    assert node.compute.oee(machine, start, end, as_of=row["created"] - 1).quality == 1.0
    assert node.values(f"{A}/Good", start, end)[end] == 1200, "the counter said what it said"
    replaced = {one["path"]: (one["old"], one["new"]) for one in node.compute.recompute.replaced(A, start, end)}
    assert replaced[f"{A}/good"] == (1200, 1080)
    sid = node.store.sid("figures", f"{A}/oee")
    assert node.store.span([sid], start, end).column("v").to_pylist() == [pytest.approx(after.oee)]
    assert apply(node, asked(reason="correction"))["changed"] == 0


def test_scrap_is_spread_over_the_parts_made_and_can_be_taken_back(node):
    scrap(node, 120, at=str(T0))
    apply(node, asked(reason="correction"))
    half = node.compute.oee(A, T0, T0 + H // 2 * NS)
    assert half.counts == {"good": pytest.approx(540), "bad": pytest.approx(60)}
    scrap(node, 20, at=str(T0))
    apply(node, asked(reason="correction"))
    assert node.compute.oee(A, T0, T0 + H * NS).counts == {"good": pytest.approx(1180), "bad": pytest.approx(20)}
    assert len(node.compute.oee(A, T0, T0 + H * NS).corrections) == 2


def test_scrap_entered_in_time_counts_at_once(node, monkeypatch):
    monkeypatch.setattr("lineshaft.production.scrap.now_ns", lambda: T0 + 2 * H * NS)
    scrap(node, 120)
    assert node.compute.oee(A, T0, T0 + H * NS).quality == 0.9
    assert node.compute.oee(A, T0, T0 + H * NS, as_of=T0 + H * NS).quality == 1.0


def test_requests_that_make_no_sense_are_refused(node):
    for wrong in (
        asked(start=H, end=0),
        asked(reason="mood"),
        replace(asked(), paths=()),
        asked("Hall/Line/A/Bad", end=500 * 86400),
    ):
        with pytest.raises(InvalidInput):
            node.compute.recompute.preview(wrong)
    with pytest.raises(NotFound):
        node.compute.recompute.preview(asked("Hall/Line/A/Twise"))
    with pytest.raises(NotFound):
        node.compute.recompute.one("nothing")


def test_a_recompute_can_be_cancelled_between_two_stretches(node, tmp_path, monkeypatch):
    reformulate_in(node, tmp_path, "good * 3")
    monkeypatch.setattr("lineshaft.compute.rewrite._AT_ONCE", 40)
    moved = []

    def stop(event):
        moved.append(event)
        if len(moved) == 1:
            node.compute.recompute.cancel(event.id)

    node.bus.on(RecomputeMoved, stop)
    row = apply(node, asked(f"{A}/Twice", formula="current"))
    assert row["state"] == "cancelled"
    assert 0 < row["share"] < 1
    assert [one.state for one in moved] == ["running", "cancelled"]
    known = node.db.rows(sa.select(changes))
    assert known
    assert max(one["ts"] for one in known) <= row["reached"]
    with pytest.raises(Conflict):
        node.compute.recompute.cancel(row["id"])


# ---- raw values taken back or put right ------------------------------------------------------------------------------
def corrected(*edits, **more):
    moments = [Edit(f"{A}/{name}", T0 + start * NS, T0 + end * NS, value) for name, start, end, value in edits]
    first, last = min(e.start for e in moments), max(e.end for e in moments)
    return Request(tuple(e.property for e in moments), first - 1, last, reason="correction", edits=tuple(moments), **more)


def everything(node):
    names = ("Good", "State", "Twice", "Most", "Running")
    end = T0 + 4 * H * NS
    return {name: node.values(f"{A}/{name}", 0, end) for name in names} | {"kept": node.compute.kept(A, 0, end)}


def test_a_raw_value_put_right_is_seen_beforehand_and_then_carried_through(node):
    before, oee = everything(node), node.compute.oee(A, T0, T0 + H * NS)
    wrong = corrected(("Good", 1800, 1800, 605))
    job = preview(node, wrong)
    assert everything(node) == before, "a preview writes nothing"
    told = {(one.path.rsplit("/", 1)[-1], (one.ts - T0) // NS): (one.old, one.new) for one in job.listed}
    assert told[("Good", 1800)] == (600, 605)
    assert told[("Twice", 1800)] == (1200, 1210)
    assert told[("Most", 1800)] == (1200, 1210)
    row = apply(node, wrong)
    assert (row["state"], row["changed"], row["by"]) == ("done", job.changed, "anna")
    after = everything(node)
    assert after["Good"][T0 + 1800 * NS] == 605
    assert after["Twice"][T0 + 1800 * NS] == 1210
    assert after["Most"][T0 + 1800 * NS] == 1210
    assert (row["figures"][0]["old"]["good"], row["figures"][0]["new"]["good"]) == (610, 610), "the counter goes on from there"
    assert node.compute.oee(A, T0, T0 + H * NS).counts == oee.counts
    assert [(e["property"], e["value"]) for e in row["edits"]] == [(f"{A}/Good", 605)]
    replaced = node.compute.recompute.replaced(f"{A}/Good", T0, T0 + H * NS)
    assert [(r["old"], r["new"], r["by"]) for r in replaced] == [(600, 605, "anna")]
    assert preview(node, wrong).changed == 0, "done once, it is done"


def test_raw_values_taken_back_change_every_window_they_reach(node):
    taken = corrected(("State", H, H, None), ("Good", 1790, 1900, None))
    told = preview(node, taken)
    apply(node, taken)
    after = everything(node)
    assert not [ts for ts in after["Good"] if T0 + 1790 * NS <= ts <= T0 + 1900 * NS]
    assert not [ts for ts in after["Twice"] if T0 + 1790 * NS <= ts <= T0 + 1900 * NS]
    assert T0 + 1860 * NS not in after["Most"], "a window whose values are gone is gone"
    assert after["Most"][T0 + 1920 * NS] == 2 * 640
    assert node.compute.oee(A, T0, T0 + H * NS).counts["good"] == 1200, "the counter went on"
    assert told.changed == len(node.compute.recompute.changes(node.compute.recompute.list()[0]["id"], 10_000))
    again = preview(node, asked(A, end=2 * H))
    assert again.changed == 0, "what is written is what a clean recompute gives"


def test_a_state_taken_back_leaves_the_one_before_it(node):
    node.arrive(
        "plc", samples([{"tag": "A/State", "ts": T0 + 600 * NS, "value": 4}, {"tag": "A/State", "ts": T0 + 900 * NS, "value": 1}])
    )
    node.close_windows(T0 + 30 * 86400 * NS)
    assert node.compute.oee(A, T0, T0 + H * NS).elements["down"] == 300
    taken = corrected(("State", 600, 600, None))
    figures = preview(node, taken).figures[0]
    assert figures["old"]["availability"] < figures["new"]["availability"] == 1
    row = apply(node, taken)
    assert (row["figures"][0]["old"], row["figures"][0]["new"]) == (figures["old"], figures["new"])
    assert node.compute.oee(A, T0, T0 + H * NS).elements["down"] == 0
    assert preview(node, asked(A, end=2 * H)).changed == 0


def test_a_crash_between_the_raw_values_and_what_follows_is_mended(node, monkeypatch):
    wrong = corrected(("Good", 1800, 1800, 605), ("Good", 30, 60, None))
    job = preview(node, wrong)

    def crash(*_rest):
        raise SystemExit

    monkeypatch.setattr("lineshaft.compute.rewrite.Rewrite.compute", crash)
    prepared = node.compute.recompute.prepare(wrong, "anna")
    with node.db.begin() as tx:
        one = node.compute.recompute.ask(tx, prepared)
    node.compute.recompute.wait(one, 20)
    monkeypatch.undo()
    with node.db.begin() as tx:
        tx.execute(recomputes.update().values(state="running"))
    assert node.values(f"{A}/Good")[T0 + 1800 * NS] == 605
    node.compute.recompute.start()
    assert node.compute.recompute.wait(one, 20)
    row = node.compute.recompute.one(one)
    assert (row["state"], row["figures"]) == ("done", job.figures)
    assert len(node.compute.recompute.changes(one, 10_000)) == job.changed
    assert preview(node, asked(A, end=2 * H)).changed == 0


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (("Most", 60, 60, 1.0), "only measured values"),
        (("Good", 60, 120, 5), "at one time"),
        (("Good", 60, 60, "many"), "cannot take 'many'"),
        (("Good", 60, 30, None), "period is empty"),
    ],
)
def test_corrections_that_make_no_sense_are_refused(node, edit, says):
    with pytest.raises(InvalidInput, match=says):
        node.compute.recompute.preview(corrected(edit))
