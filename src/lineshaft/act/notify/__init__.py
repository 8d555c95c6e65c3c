"""Telling people: who is told of what, over which channel, when, and what became of it.

A cause (an alarm, a proposal, an order, a late task, our own health) becomes one notice; routes make deliveries of it, which
wait out quiet hours, gather into one message when there are many, and are tried until they arrive or are given up. A notice
nobody answers goes to the next. Nothing is sent twice on purpose and nothing is lost silently.
"""

from lineshaft.act.notify.notifier import Notifier
from lineshaft.act.notify.settings import Channel

__all__ = ["Channel", "Notifier"]
