"""Who is told of what, over real receivers: mail and web hook; floods, quiet nights, and those who do not answer."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from lineshaft.act.notify.quiet import quiet_until
from lineshaft.act.notify.tables import deliveries, escalations, notices
from lineshaft.core import NS, Conflict, InvalidInput, SystemEvent, now_ns
from lineshaft.guard import Command, Subject
from lineshaft.maintain.outgoing import outgoing
from tests.act.conftest import PUMP

ALARM = "Vibration high"


def until(said, seconds=30.0):
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end
        time.sleep(0.02)


def now_due(told):
    """Let the time to gather be over."""
    with told.db.begin() as tx:
        tx.execute(outgoing.update().values(next_at=now_ns()))
    for line in told.act.notifier.carrying._lines.values():
        line.courier.wake()


def shake(told, at=1):
    told.feed((at, 9.0), (at + 3, 9.2))
    told.settle()


def acknowledge(told):
    alarm = told.detect.alarms()[0]
    who = told.who("anna")
    told.guard.perform(
        Command(who, "alarms.acknowledge", "alarm", asset=PUMP),
        lambda tx: {"v": told.detect.acknowledge(tx, alarm["id"], who)["version"]},
    )
    told.settle()


def test_an_alarm_reaches_a_person_by_mail_in_their_language_and_a_channel(told, mailbox, hook):
    told.choose("anna", channels={"mail": "anna@plant.example"}, language="de")
    told.route("user:anna", kinds=["alarm"])
    told.route("channel:hook", kinds=["alarm"])
    shake(told)
    ((to, subject, text),) = mailbox.mails
    assert to == ["anna@plant.example"]
    assert subject.startswith("Alarm P")
    (said,) = hook.wait(1)
    assert PUMP in said["message"]
    assert "https://plant.example/alarms" in text
    assert "Grenze" in text
    assert "limit" in said["message"]
    kept = {row["channel"]: row for row in told.deliveries()}
    assert {row["state"] for row in kept.values()} == {"delivered"}
    assert f"id {kept['mail']['id']}" in text
    assert said["message"].endswith(f"id {kept['hook']['id']}")


def test_the_proposal_is_told_in_its_own_transaction_and_not_to_whoever_made_it(told_both, mailbox):
    told = told_both
    for name in ("bert", "carl"):
        told.choose(name, channels={"mail": f"{name}@plant.example"})
    told.route("concerned", kinds=["approval"])
    told.stock()
    by = told.who("bert")
    with pytest.raises(ZeroDivisionError), told.db.begin() as tx:
        told.act.propose_purchase(tx, "BRG-6205", 2, by)
        raise ZeroDivisionError
    assert told.deliveries() == []
    with told.db.begin() as tx:
        told.act.propose_purchase(tx, "BRG-6205", 2, by)
        waiting = tx.execute(sa.select(sa.func.count()).select_from(deliveries)).scalar()
    assert waiting == 1
    told.settle()
    assert [to for to, *_ in mailbox.mails] == [["carl@plant.example"]]


def test_an_order_is_told_to_whom_it_was_given(told, mailbox):
    told.choose("anna", channels={"mail": "anna@plant.example"})
    told.route("concerned", kinds=["order"])
    by = told.who("bert")
    with told.db.begin() as tx:
        order = told.orders.create(tx, by, asset=PUMP, title="Look at it", state="planned")
        told.orders.assign(tx, order["id"], by, told.ids["anna"])
    told.settle()
    ((to, subject, _),) = mailbox.mails
    assert (to, order["number"] in subject) == (["anna@plant.example"], True)


def test_the_nodes_own_health_is_told_once_while_it_lasts(told, hook):
    told.route("channel:hook", kinds=["system"])
    for n in range(5):
        told.bus.tell(SystemEvent("disk:low", f"only {n} GiB are free", "error", hint="free some space"))
    told.settle()
    assert len(hook.wait(1)) == 1
    assert "free some space" in hook.said[0]["message"]
    row = told.db.rows(sa.select(notices).where(notices.c.repeats.is_(None)))[0]
    assert (row["count"], row["priority"]) == (5, 2)


def test_a_flood_is_one_message(told_both, hook):
    told = told_both
    told.route("channel:hook", kinds=["system"], gather="1h")
    for n in range(300):
        told.bus.tell(SystemEvent(f"source:{n}", f"source {n} is away", "error"))
    told.settle()
    now_due(told)
    until(lambda: [row["state"] for row in told.deliveries()] == ["delivered"])
    (said,) = hook.wait(1)
    assert said["title"].startswith("300 messages")
    assert "and 280 more" in said["message"]
    assert told.deliveries()[0]["lines"] == 300
    told.bus.tell(SystemEvent("source:new", "one more", "error"))
    told.settle()
    assert sorted(row["state"] for row in told.deliveries()) == ["delivered", "waiting"]  # after a flood it gathers for minutes
    late = next(row for row in told.deliveries() if row["state"] == "waiting")
    assert late["next_at"] - now_ns() > 200 * NS


def test_an_alarm_that_chatters_is_told_once_and_counted(told, hook):
    told.route("channel:hook", kinds=["alarm"])
    for n in range(4):
        shake(told, at=1 + 20 * n)
        told.feed((10 + 20 * n, 1.0), (12 + 20 * n, 1.0))
    told.settle()
    assert len(hook.said) == 1
    assert told.db.rows(sa.select(notices).where(notices.c.repeats.is_(None)))[0]["count"] == 4


def test_two_routes_to_one_person_are_one_message(told, mailbox):
    told.choose("anna", channels={"mail": "anna@plant.example"})
    told.route("user:anna", kinds=["alarm"], gather="1h")
    told.route("role:technician", gather="1h")
    shake(told)
    now_due(told)
    until(lambda: [row["state"] for row in told.deliveries() if row["channel"] == "mail"] == ["delivered"])
    assert len(mailbox.mails) == 1


def test_quiet_hours_hold_what_can_wait_and_let_the_urgent_through(told, hook):
    now = datetime.now(ZoneInfo("UTC"))
    hour = {"start": f"{(now.hour - 1) % 24:02}:00", "end": f"{(now.hour + 2) % 24:02}:00", "timezone": "UTC"}
    told.route("channel:hook", kinds=["system"], quiet=hour, through=2)
    told.bus.tell(SystemEvent("a", "this can wait", "warning"))
    told.bus.tell(SystemEvent("b", "this can not", "error"))
    told.settle()
    assert [said["title"] for said in hook.wait(1)] == ["Node: this can not"]
    held = next(row for row in told.deliveries() if row["state"] == "waiting")
    assert held["held"]
    assert held["next_at"] > now_ns() + 3000 * NS


def test_a_person_who_chose_quiet_hours_is_held_to_them(told, mailbox):
    now = datetime.now(ZoneInfo("UTC"))
    hour = {"start": f"{(now.hour - 1) % 24:02}:00", "end": f"{(now.hour + 2) % 24:02}:00"}
    told.choose("anna", channels={"mail": "anna@plant.example"}, quiet=hour)
    told.choose("dora", channels={"mail": "dora@plant.example"})
    told.route("role:technician", kinds=["alarm"], through=0)
    shake(told)
    assert [to for to, *_ in mailbox.mails] == [["dora@plant.example"]]


def test_what_nobody_answers_goes_to_the_next_and_an_answer_ends_it(told_both, hook, mailbox):
    told = told_both
    told.choose("bert", channels={"mail": "bert@plant.example"})
    told.choose("carl", channels={"mail": "carl@plant.example"})
    steps = [{"after": 1, "who": "user:bert"}, {"after": "1h", "who": "user:carl"}]
    told.route("channel:hook", kinds=["alarm"], steps=steps)
    shake(told)
    hook.wait(1)
    until(lambda: mailbox.mails)
    assert "not answered in time" in mailbox.mails[0][2]
    acknowledge(told)
    assert sorted(row["state"] for row in told.db.rows(sa.select(escalations))) == ["done", "needless"]
    assert len(mailbox.mails) == 1


def test_an_answer_that_was_not_heard_counts_all_the_same(told, hook, mailbox):
    told.choose("bert", channels={"mail": "bert@plant.example"})
    told.route("channel:hook", kinds=["alarm"], steps=[{"after": 60, "who": "user:bert"}])
    shake(told)
    told.act.notifier.stop()
    with told.db.begin() as tx:
        told.detect.acknowledge(tx, told.detect.alarms()[0]["id"], told.who("anna"))
        tx.execute(escalations.update().values(at=now_ns() - 1))
    told.act.notifier.start()
    until(lambda: told.db.rows(sa.select(escalations))[0]["state"] == "needless")
    told.settle()
    assert mailbox.mails == []


def test_nobody_is_told_of_what_they_may_not_see(told, mailbox):
    with told.db.begin() as tx:
        told.person(tx, "elsewhere", ["technician"], ["Bakery/Elsewhere"])
        told.guard.permissions.add(tx, {"who": "user:dora", "tables": "alarms"}, told.who("bert"))
    told.guard.sessions.changed()
    for name in ("anna", "dora", "elsewhere"):
        told.choose(name, channels={"mail": f"{name}@plant.example"})
    told.route("role:technician")
    shake(told)
    assert [to for to, *_ in mailbox.mails] == [["anna@plant.example"]]


def test_a_receiver_that_is_away_is_tried_again_and_given_up_in_the_end(told, hook):
    hook.broken = True
    told.route("channel:hook", kinds=["alarm"])
    shake(told)
    (row,) = told.deliveries()
    assert (row["state"], row["attempts"]) == ("sending", 1)
    assert "500" in row["error"]
    hook.broken = False
    until(lambda: told.deliveries()[0]["state"] == "delivered")
    hook.broken = True
    with told.db.begin() as tx:
        told.act.notifier.carrying.again(tx, row["id"])
        tx.execute(deliveries.update().values(created=now_ns() - 13 * 3600 * NS))
    until(lambda: told.deliveries()[0]["state"] == "dead")
    until(lambda: any(event.key == "notify:dead:hook" and event.active for event in told.events))


def test_what_stood_while_nobody_listened_is_told_at_the_start(told, hook):
    told.route("channel:hook", kinds=["alarm"])
    told.act.notifier.stop()
    told.feed((1, 9.0), (4, 9.2))
    assert told.deliveries() == []
    told.act.notifier.start()
    assert len(hook.wait(1)) == 1
    told.act.notifier.stop()
    told.act.notifier.start()
    told.settle()
    assert len(hook.said) == 1


def test_the_test_message_goes_to_whoever_asks(told, mailbox):
    told.choose("anna", channels={"mail": "anna@plant.example"})
    with told.db.begin() as tx:
        made = told.act.notifier.test(tx, told.who("anna"), "mail")
    told.settle()
    assert (mailbox.mails[0][0], mailbox.mails[0][1]) == (["anna@plant.example"], "Test: Anna")
    assert told.deliveries(person=told.ids["anna"])[0]["id"] == made["id"]


def test_an_address_can_name_nothing_but_itself(told, mailbox):
    told.choose("anna", channels={"mail": "a@plant.example&to=spy@evil.example&smtp=evil.example"})
    with told.db.begin() as tx:
        told.act.notifier.test(tx, told.who("anna"), "mail")
    told.settle()
    assert not [to for to, *_ in mailbox.mails if "spy@evil.example" in to]


@pytest.mark.parametrize(
    "said",
    [
        {"who": "nobody"},
        {"who": "user:NO-SUCH"},
        {"who": "channel:NO-SUCH"},
        {"who": "concerned", "kinds": ["gossip"]},
        {"who": "concerned", "channels": ["pigeon"]},
        {"who": "concerned", "quiet": {"start": "22:00"}},
        {"who": "concerned", "priority": 9},
        {"who": "concerned", "steps": [{"after": "0s", "who": "role:planner"}]},
    ],
)
def test_a_route_that_would_do_nothing_is_refused(told, said):
    with pytest.raises(InvalidInput):
        told.route(**said)
    assert [one["name"] for one in told.act.notifier.book.routes()] == ["The node's own health"]


def test_engineers_who_chose_a_channel_hear_of_the_nodes_own_health(told):
    (first,) = told.act.notifier.book.routes()
    assert (first["who"], first["kinds"], first["channels"], first["active"]) == ("role:engineer", ["system"], [], True)


def test_a_token_chooses_nothing(told):
    with pytest.raises(Conflict), told.db.begin() as tx:
        told.act.notifier.book.choose(tx, Subject("t", "t", "token"), {})


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * NS


def test_quiet_hours_follow_the_wall_clock_through_the_change_of_time():
    night = {"start": "22:00", "end": "06:00", "timezone": "Europe/Berlin", "days": ["sat"]}
    assert quiet_until(night, at("2026-10-24T23:00:00+02:00")) == at("2026-10-25T06:00:00+01:00")
    assert quiet_until(night, at("2026-10-25T05:59:00+01:00")) == at("2026-10-25T06:00:00+01:00")
    assert quiet_until(night, at("2026-10-25T06:00:00+01:00")) is None
    assert quiet_until(night, at("2026-10-25T23:00:00+01:00")) is None
    assert quiet_until({}, at("2026-10-24T23:00:00+02:00")) is None
