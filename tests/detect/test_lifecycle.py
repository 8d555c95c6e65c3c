from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lineshaft.core import Conflict
from lineshaft.detect.lifecycle import HIDDEN, SHOWN, STEPS, AlarmState, after, uncovered


class AlarmMachine(RuleBasedStateMachine):
    """Whatever happens to an alarm, what it shows agrees with its condition and with what people did."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.active, self.latched = AlarmState.NORMAL, False, False

    @rule(latched=st.booleans())
    def turn(self, latched):
        step = "clear" if self.active else "raise"
        self.latched = latched
        self.state = after(self.state, step, latched=latched)
        self.active = not self.active

    @rule(step=st.sampled_from(["acknowledge", "reset"]))
    def press(self, step):
        if (self.state, step) in STEPS:
            self.state = after(self.state, step)
        else:
            with pytest.raises(Conflict):
                after(self.state, step)

    @rule(state=st.sampled_from(HIDDEN))
    def hide(self, state):
        self.state = state

    @rule()
    def show(self):
        if self.state in HIDDEN:
            self.state = uncovered(self.active)

    @invariant()
    def an_active_alarm_is_in_the_list_unless_hidden(self):
        if self.state not in HIDDEN:
            assert self.active == (self.state in (AlarmState.UNACK, AlarmState.ACKED))
        assert (self.state in SHOWN) + (self.state in HIDDEN) + (self.state == "normal") == 1


AlarmMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAlarmMachine = AlarmMachine.TestCase
