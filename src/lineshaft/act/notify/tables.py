"""Tables of notifications: routes, people's choices, notices with their escalations, and deliveries with their lines."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.core import create, metadata, new_id, now_ns


def _text(name: str, size: int = 300) -> sa.Column[str]:
    return sa.Column(name, sa.String(size), nullable=False, default="")


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(36), primary_key=True)


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.Integer, nullable=False, default=1)


routes = sa.Table(
    "notice_route",
    metadata,
    _id(),
    _version(),
    _text("name", 100),
    _text("who", 120),
    sa.Column("kinds", sa.JSON, nullable=False),
    _text("asset", 500),
    sa.Column("priority", sa.Integer, nullable=False, default=5),
    sa.Column("channels", sa.JSON, nullable=False),
    sa.Column("quiet", sa.JSON, nullable=False),
    sa.Column("through", sa.Integer, nullable=False, default=1),
    sa.Column("gather_s", sa.Integer, nullable=False, default=10),
    sa.Column("steps", sa.JSON, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False, default=True),
    sa.Column("created", sa.BigInteger, nullable=False),
)
"""`through`: up to this priority quiet hours do not hold a message back. `steps`: [{after_s, who}] while nobody answers."""

choices = sa.Table(
    "notice_choice",
    metadata,
    _id(),
    _version(),
    sa.Column("channels", sa.JSON, nullable=False),
    sa.Column("quiet", sa.JSON, nullable=False),
    _text("language", 5),
)
"""What a person chose; `id` is the user's. `channels` is {channel: address}."""

notices = sa.Table(
    "notice",
    metadata,
    _id(),
    sa.Column("cause", sa.String(200), nullable=False, unique=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("thing", sa.String(200), nullable=False, index=True),
    sa.Column("repeats", sa.String(36)),
    sa.Column("priority", sa.Integer, nullable=False),
    _text("asset", 500),
    _text("title"),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("count", sa.Integer, nullable=False, default=1),
    sa.Column("last_at", sa.BigInteger, nullable=False),
    sa.Column("ended", sa.BigInteger),
)
"""`cause` is unique, so that looking again files nothing twice; `thing` is what it is about; a repeat names the first one."""

escalations = sa.Table(
    "notice_escalation",
    metadata,
    _id(),
    sa.Column("notice_id", sa.String(36), sa.ForeignKey("notice.id"), nullable=False, index=True),
    sa.Column("route_id", sa.String(36), nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("who", sa.String(120), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("state", sa.String(20), nullable=False, index=True),
)
"""waiting, done, or needless because somebody answered."""

deliveries = sa.Table(
    "notice_delivery",
    metadata,
    _id(),
    sa.Column("route_id", sa.String(36), index=True),
    sa.Column("step", sa.Integer, nullable=False, default=0),
    _text("person", 36),
    _text("channel", 64),
    _text("address", 300),
    sa.Column("held", sa.Boolean, nullable=False, default=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False, index=True),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    _text("title"),
    sa.Column("lines", sa.Integer, nullable=False, default=1),
    sa.Column("sent", sa.BigInteger),
)
"""waiting, sending, delivered, dead, or needless; attempts and the next try are in `outgoing` under the same id."""

delivery_lines = sa.Table(
    "notice_line",
    metadata,
    sa.Column("delivery_id", sa.String(36), sa.ForeignKey("notice_delivery.id"), primary_key=True),
    sa.Column("notice_id", sa.String(36), sa.ForeignKey("notice.id"), primary_key=True, index=True),
)

create_all = create(routes, choices, notices, escalations, deliveries, delivery_lines)

FIRST = "The node's own health"


def first_route(tx: Connection) -> None:
    """Make the route every node begins with: an engineer who chose a channel hears of trouble of the node itself.

    It is made once; whoever deletes or changes it has decided otherwise.
    """
    nothing: dict[str, object] = {"asset": "", "channels": [], "quiet": {}, "steps": []}
    values = {"name": FIRST, "who": "role:engineer", "kinds": ["system"], "priority": 3, "through": 2, "gather_s": 10}
    tx.execute(routes.insert().values(id=new_id(), version=1, active=True, created=now_ns(), **values, **nothing))
