from __future__ import annotations

from pathlib import Path

from lineshaft import assets, production
from lineshaft.assets import Assets
from lineshaft.core import NS, Bus, Database, now_ns
from lineshaft.production import FeedEntry, Planned, Production

EXAMPLE = Path(__file__).resolve().parents[2] / "src" / "lineshaft" / "examples" / "bakery"


def test_the_bakery_runs_an_order_in_a_shift_at_any_hour(database: Database) -> None:
    database.migrate({"assets": assets.MIGRATIONS, "production": production.MIGRATIONS})
    register = Assets(database, Bus())
    register.load(EXAMPLE)
    floor = Production(database, register)
    assert floor.load(EXAMPLE).problems == []
    now = now_ns()
    oven = "Bakery/Line 1/Oven"
    (run,) = floor.running(oven, now - 60 * NS, now)
    assert (run.order, run.product, run.ideal_cycle_s) == ("PO-1001", "CK-200", 0.5)
    for day in range(0, 366, 5):
        start = now + day * 86400 * NS
        assert {p.kind for p in floor.calendar(oven).planned(start, start + 86400 * NS)} == {Planned.SHIFT}
    assert floor.calendar(oven).shift_at(now) is not None


def test_the_files_the_demo_reads_are_in_order(database: Database) -> None:
    database.migrate({"assets": assets.MIGRATIONS, "production": production.MIGRATIONS})
    register = Assets(database, Bus())
    register.load(EXAMPLE)
    floor = Production(database, register)
    floor.load(EXAMPLE)
    entry = {"name": "erp-files", "type": "files", "every": "1m", "folder": str(EXAMPLE / "feeds")}
    floor.feeder.plan([FeedEntry.model_validate(entry).build()])
    status = floor.feeder.read("erp-files")
    assert (status.state, status.problems, status.waiting, status.last_taken) == ("ok", (), 0, 5)
    assert {lot["lot"] for lot in floor.lots.list()} >= {"FL-2302", "OA-0117", "DO-4425"}
    assert floor.feeder.read("erp-files").last_taken == 0
