"""What webhooks are told of: every change of an order, a case, an alarm, a finding and a purchase."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act import CaseChanged
from lineshaft.core import iso
from lineshaft.detect import AlarmChanged, AlarmCleared, AlarmRaised, AlarmState, FindingRaised
from lineshaft.maintain import OrderChanged, PurchaseChanged, Webhooks

Wire = tuple[type[Any], Callable[[Connection, Any], None]]


def webhook_events(webhooks: Webhooks) -> Iterator[Wire]:
    """Yield what to connect within the transaction of a change, so that none is lost: the event and its handler."""

    def of(kind: str, what: str, asset: str, subject: str) -> Callable[[Connection, Any], None]:
        """Return a handler that takes what it tells from the event's fields of these names."""

        def tell(tx: Connection, event: Any) -> None:
            said = str(getattr(event, what, what))
            if not (isinstance(event, AlarmChanged) and _told_with_more(event)):
                webhooks.tell(kind, said, str(getattr(event, asset, "")), str(getattr(event, subject)), _plain(event), tx)

        return tell

    yield OrderChanged, of("order", "what", "asset", "number")
    yield CaseChanged, of("case", "what", "asset", "number")
    yield PurchaseChanged, of("purchase", "state", "", "number")
    yield FindingRaised, of("finding", "raised", "asset_path", "finding_id")
    yield AlarmRaised, of("alarm", "raised", "asset_path", "alarm_id")
    yield AlarmCleared, of("alarm", "cleared", "asset_path", "alarm_id")
    yield AlarmChanged, of("alarm", "what", "asset_path", "alarm_id")


def _told_with_more(event: AlarmChanged) -> bool:
    """Say whether a step of an alarm is told by an event of its own: raised (or by its finding), cleared."""
    return event.what == "clear" or (event.what == "raise" and event.state == AlarmState.UNACK)


def _plain(event: Any) -> dict[str, Any]:
    """Return an event as data: moments as ISO 8601."""
    return {name: iso(value) if name == "at" and isinstance(value, int) else value for name, value in asdict(event).items()}
