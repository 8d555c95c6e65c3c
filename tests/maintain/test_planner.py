from __future__ import annotations

import pytest

from lineshaft.core import NS, InvalidInput, SystemEvent, iso, parse_time
from lineshaft.maintain.schedule import dates, step
from lineshaft.maintain.workshop import Workshop
from tests.maintain.conftest import BERT, PUMP, Shop

DAY = 86_400 * NS
START = parse_time("2030-01-07T05:00:00Z")
GREASE = {"name": "Grease", "asset": PUMP, "trigger": {"every": "1w", "from": "2030-01-07T05:00:00Z"}, "lead": "1d", "hours": 1.5}


def plan(shop: Shop, **values):
    with shop.db.begin() as tx:
        made = shop.workshop.plans.put(tx, {**GREASE, **values})
        from lineshaft.maintain.records import plans

        tx.execute(plans.update().values(created=START - 30 * DAY, used_since=START - 30 * DAY))
    return made


def tick(shop: Shop, at: int) -> list[str]:
    return shop.workshop.planner.tick(at, at / NS)


def finish(shop: Shop, number: str, at: int) -> None:
    order = shop.orders.get(number)["id"]
    shop.do("start", order)
    shop.do("done", order)
    from lineshaft.maintain.tables import orders

    with shop.db.begin() as tx:
        tx.execute(orders.update().where(orders.c.id == order).values(done=at))


def test_a_fixed_plan_makes_each_order_once_also_after_a_restart_and_a_clock_set_back(shop):
    plan(shop)
    assert tick(shop, START - 2 * DAY) == []
    (number,) = tick(shop, START - DAY)
    made = shop.orders.get(number)
    assert (made["due"], made["planned_for"], made["state"], made["hours"]) == (START, START, "planned", 1.5)
    assert tick(shop, START - DAY) == []
    again = Workshop(shop.db, shop.guard, shop.orders, shop.bus, shop.assets, None, shop.readings, shop.detect)
    assert again.planner.tick(START - DAY + NS, 0.0) == []
    finish(shop, number, START)
    assert again.planner.tick(START - DAY, -1.0) == []
    (second,) = tick(shop, START + 6 * DAY)
    assert shop.orders.get(second)["due"] == START + 7 * DAY
    assert len(shop.orders.list()) == 2


def test_two_nodes_that_look_at_the_same_moment_make_one_order(shop):
    plan(shop)
    other = Workshop(shop.db, shop.guard, shop.orders, shop.bus, shop.assets, None, shop.readings, shop.detect)
    row = shop.workshop.plans.list()[0]
    stale = [shop.workshop.plans.occurrences([row["id"]])]
    other.planner._plans.occurrences = lambda *_a, **_k: stale[0]
    assert len(tick(shop, START)) == 1
    other.planner.tick(START, 0.0)
    assert len(shop.orders.list()) == 1


def test_dates_that_passed_while_nobody_looked_become_one_order_and_the_rest_is_missed(shop):
    plan(shop)
    (number,) = tick(shop, START + 29 * DAY)
    assert shop.orders.get(number)["due"] == START + 28 * DAY
    shown = shop.workshop.plan("Grease", START + 29 * DAY)
    assert [one["outcome"] for one in shown["occurrences"]] == ["open", "missed", "missed", "missed", "missed"]
    figures = shop.workshop._figures.of(START - DAY, START + 40 * DAY, START + 40 * DAY, 0.0)
    assert figures["pm_compliance"] == {
        "value": 0.0, "in_time": 0, "late": 0, "missed": 4, "overdue": 1, "open": 0, "why": "",
    }  # fmt: skip


def test_a_plan_has_one_open_order_and_a_date_that_comes_meanwhile_is_missed(shop):
    plan(shop)
    (number,) = tick(shop, START)
    assert tick(shop, START + 7 * DAY) == []
    assert shop.orders.get(number)["history"][-1]["note"] == "due again: Grease"
    finish(shop, number, START + 8 * DAY)
    (second,) = tick(shop, START + 14 * DAY)
    assert shop.orders.get(second)["due"] == START + 14 * DAY
    outcomes = [one["outcome"] for one in shop.workshop.plan("Grease", START + 14 * DAY)["occurrences"]]
    assert outcomes == ["open", "missed", "late"]


def test_a_floating_plan_counts_from_when_it_was_last_done(shop):
    plan(shop, trigger={"every": "10d", "from": "2030-01-07T05:00:00Z", "floating": True})
    assert tick(shop, START + 8 * DAY) == []
    (number,) = tick(shop, START + 9 * DAY)
    assert tick(shop, START + 30 * DAY) == []
    finish(shop, number, START + 25 * DAY)
    assert tick(shop, START + 30 * DAY) == []
    (second,) = tick(shop, START + 34 * DAY)
    assert shop.orders.get(second)["due"] == START + 35 * DAY


def test_after_a_jump_of_the_clock_nothing_is_made_for_ten_minutes(shop):
    plan(shop)
    planner = shop.workshop.planner
    assert planner.tick(START - 20 * DAY, 100.0) == []
    assert planner.tick(START + 365 * DAY, 130.0) == []
    assert [e.key for e in shop.told if isinstance(e, SystemEvent) and e.active] == ["plans:clock"]
    assert planner.tick(START - 20 * DAY + 60 * NS, 160.0) == []
    assert shop.orders.list() == []
    assert planner.tick(START - 20 * DAY + 900 * NS, 1000.0) == []
    assert len(planner.tick(START, 1000.0 + 20 * 86_400 - 900)) == 1


def test_a_meter_makes_an_order_at_each_mark_and_a_counter_that_begins_anew_goes_on(shop):
    meter = {"meter": f"{PUMP}/Starts", "every_units": 100}
    plan(shop, trigger=meter)
    shop.readings[f"{PUMP}/Starts"] = (1000.0, 0)
    assert tick(shop, START) == []
    shop.readings[f"{PUMP}/Starts"] = (1060.0, 0)
    assert tick(shop, START + DAY) == []
    shop.readings[f"{PUMP}/Starts"] = (30.0, 2)
    assert tick(shop, START + DAY) == []
    shop.readings[f"{PUMP}/Starts"] = (45.0, 0)
    (number,) = tick(shop, START + 2 * DAY)
    assert tick(shop, START + 2 * DAY) == []
    shown = shop.workshop.plan("Grease", START + 2 * DAY)
    assert shown["used"] == 105.0
    assert shown["next_due"] is not None
    finish(shop, number, START + 2 * DAY)
    shop.readings[f"{PUMP}/Starts"] = (350.0, 0)
    assert len(tick(shop, START + 3 * DAY)) == 1


def test_a_condition_makes_one_order_each_time_it_becomes_true(shop):
    plan(shop, trigger={"when": "t > 80 and n > 0", "inputs": {"t": f"{PUMP}/T", "n": f"{PUMP}/N"}})
    assert tick(shop, START) == []
    shop.readings |= {f"{PUMP}/T": (85.0, 0), f"{PUMP}/N": (1, 0)}
    (first,) = tick(shop, START + DAY)
    assert tick(shop, START + DAY + NS) == []
    finish(shop, first, START + 2 * DAY)
    assert tick(shop, START + 2 * DAY) == []
    shop.readings[f"{PUMP}/T"] = (70.0, 0)
    assert tick(shop, START + 3 * DAY) == []
    shop.readings[f"{PUMP}/T"] = (90.0, 0)
    assert len(tick(shop, START + 4 * DAY)) == 1


def test_the_order_takes_the_instruction_of_now_and_keeps_it(shop):
    shop.part(on_hand=1)
    content = {"title": "Change the bearing", "hours": 2, "skills": {"mechanical": 3}, "permits": [{"text": "Q1"}]}
    with shop.db.begin() as tx:
        put = shop.workshop.instructions.put
        put(tx, "bearing", {**content, "steps": [{"text": "Pull the bearing", "warning": "hot"}]}, BERT)
        assert put(tx, "bearing", {**content, "steps": [{"text": "Pull the bearing", "warning": "hot"}]}, BERT)["number"] == 1
    plan(shop, instruction="bearing", parts=[{"part": "BRG-6205", "quantity": 2}], hours=None)
    (number,) = tick(shop, START)
    with shop.db.begin() as tx:
        newer = put(tx, "bearing", {**content, "steps": [{"text": "Pull the bearing with tool 7"}]}, BERT)
    made = shop.orders.get(number)
    assert (made["instruction"], made["instruction_number"], newer["number"]) == ("bearing", 1, 2)
    assert [(one["text"], one["warning"]) for one in made["checklist"]] == [("Pull the bearing", "hot")]
    assert (made["hours"], made["skills"], made["permits"][0]["text"]) == (2, {"mechanical": 3}, "Q1")
    assert made["history"][-1]["note"] == "not enough in the bin: BRG-6205"
    assert shop.workshop.instructions.get("bearing", 1)["content"]["steps"][0]["text"] == "Pull the bearing"


def test_the_forecast_sums_hours_and_parts_a_month_and_says_when_a_part_runs_out(shop):
    shop.part(on_hand=5, lead_time_days=10)
    plan(shop, parts=[{"part": "BRG-6205", "quantity": 2}])
    plan(shop, name="Look", trigger={"alarm": "Vibration high"})
    found = shop.workshop.forecast(12, START - 3 * DAY)
    january = found["months"][0]
    assert (january["month"], january["orders"], january["hours"]) == ("2030-01", 4, 6.0)
    assert january["parts"] == {"BRG-6205": 8.0}
    (part,) = found["parts"]
    assert iso(part["short_on"])[:10] == "2030-01-21"
    assert iso(part["order_by"])[:10] == "2030-01-11"
    assert found["unforeseen"] == ["Look"]
    assert len(found["months"]) == 12
    outcomes = {one["outcome"] for one in shop.workshop.calendar(START - DAY, START + 30 * DAY, START - DAY)}
    assert outcomes == {"foreseen"}


@pytest.mark.parametrize(
    "trigger",
    [{}, {"every": "1w", "alarm": "x"}, {"every": "0d"}, {"every": "10s"}, {"meter": "x"}, {"when": "t >", "inputs": {"t": "x"}}],
)
def test_a_plan_that_cannot_be_read_is_refused(lite, trigger):
    with pytest.raises(InvalidInput):
        plan(lite, trigger=trigger)


def test_six_in_the_morning_stays_six_over_a_change_of_the_clocks():
    start = parse_time("2026-03-23T05:00:00Z")
    assert iso(step(start, "1w", 1, "Europe/Berlin")) == "2026-03-30T04:00:00Z"
    assert iso(step(start, "1y", 1, "Europe/Berlin")) == "2027-03-23T05:00:00Z"
    assert len(dates(start, "1d", "Europe/Berlin", start, start + 30 * DAY)) == 30
