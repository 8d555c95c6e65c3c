"""Whatever happens to an alarm, in whatever order, it is what an independent account of ISA-18.2 says it is."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lineshaft.core import NS, Conflict, Database, now_ns
from lineshaft.detect import AlarmRaised
from tests.detect.conftest import Watch

ALARM = (
    "  - {{name: High, property: Vibration, operator: '>', limit: 7.1, latched: {latched}, suppress_when: 'not running', "
    "inputs: {{running: Running}}}}"
)


class Account:
    """What an alarm must be, told from its history by words and not by a table of steps."""

    def __init__(self) -> None:
        self.latched = self.active = self.seen = self.waits = self.tripped = False
        self.away: str | None = None
        self.by_design = False
        self.told = 0

    @property
    def is_hidden(self):
        return self.away is not None or self.by_design

    @property
    def state(self):
        if self.is_hidden:
            return self.away or "suppressed"
        if self.active:
            return "acked" if self.seen else "unack"
        if self.tripped:
            return "latched-acked" if self.seen else "latched-unack"
        return "rtn-unack" if self.waits else "normal"

    def began(self):
        self.active = True
        self.tripped = self.latched
        if not self.is_hidden:
            self.seen, self.waits, self.told = False, True, self.told + 1

    def ended(self):
        self.active = False
        self.waits = self.waits and not self.seen and not self.is_hidden

    def shown(self):
        self.seen = self.waits = False
        if self.active:
            self.began()


class AlarmLife(RuleBasedStateMachine):
    """A real register on a real database beside the account."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.db = Database(f"sqlite:///{self.folder.name}/life.db")
        self.at = 10
        self.account = Account()
        self.told = 0

    @initialize(latched=st.booleans())
    def begin(self, latched):
        self.account.latched = latched
        self.watch = Watch(self.db, Path(self.folder.name), [ALARM.format(latched=str(latched).lower())])
        self.feed(1.0)
        self.run(running=True)

    def feed(self, value):
        self.at += 1
        self.watch.feed((self.at, value))

    def run(self, *, running):
        self.at += 1
        self.watch.feed((self.at, running), tag="Pump/Running")

    @rule()
    def turn(self):
        self.feed(1.0 if self.account.active else 9.0)
        (self.account.ended if self.account.active else self.account.began)()

    @rule(verb=st.sampled_from(["acknowledge", "reset"]))
    def press(self, verb):
        before = self.account.state
        possible = {"acknowledge": ("unack", "rtn-unack", "latched-unack"), "reset": ("latched-acked",)}[verb]
        if before not in possible:
            with pytest.raises(Conflict):
                self.watch.do(verb)
            return
        self.watch.do(verb)
        if verb == "reset":
            self.account.tripped = self.account.waits = False
        else:
            self.account.seen, self.account.waits = True, False

    @rule(way=st.sampled_from(["shelved", "out-of-service"]))
    def put_away(self, way):
        verb, args = ("shelve", (now_ns() + 3600 * NS, "why")) if way == "shelved" else ("out_of_service", ("why",))
        if self.account.away == "out-of-service":
            with pytest.raises(Conflict, match="already"):
                self.watch.do(verb, *args)
            return
        self.watch.do(verb, *args)
        self.account.away = way

    @rule()
    def bring_back(self):
        if self.account.away is None:
            with pytest.raises(Conflict):
                self.watch.do("show")
            return
        self.watch.do("show")
        self.account.away = None
        if not self.account.by_design:
            self.account.shown()

    @rule()
    def design(self):
        self.run(running=self.account.by_design)
        self.account.by_design = not self.account.by_design
        if not self.account.is_hidden:
            self.account.shown()

    @precondition(lambda self: self.at < 100)
    @rule()
    def crash(self):
        self.count()
        self.watch.start()

    def count(self):
        self.told += sum(isinstance(event, AlarmRaised) for event in self.watch.told)
        self.watch.told.clear()

    @invariant()
    def is_what_the_account_says(self):
        if not hasattr(self, "watch"):
            return
        row = self.watch.alarm
        assert row["state"] == self.account.state
        assert bool(row["active"]) == self.account.active
        self.count()
        assert self.told == self.account.told, "told once for each time it came into the list"
        shown = [one["id"] for one in self.watch.detect.alarms()]
        assert (row["id"] in shown) == (self.account.state not in ("normal", "shelved", "suppressed", "out-of-service"))

    def teardown(self):
        self.db.close()
        self.folder.cleanup()


AlarmLife.TestCase.settings = settings(max_examples=8, stateful_step_count=15, deadline=None)
TestAlarmLife = AlarmLife.TestCase
