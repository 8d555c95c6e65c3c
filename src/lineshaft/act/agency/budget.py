"""Budgets: what each agent may use in a day (UTC), counted in the database, so that two nodes and a restart share one purse.

The check comes before the use and the count commits with it. What an answer of a model will cost is not known before it is
there: its longest possible answer is set aside first, and the rest given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.act.agency.tables import use
from lineshaft.core import NS, Database, Forbidden, now_ns


@dataclass(frozen=True, slots=True)
class Amount:
    """What something uses."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0


LIMITS = {"calls": "calls_a_day", "tokens": "tokens_a_day", "money": "money_a_day"}


class Budget:
    """The purse of every agent."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def take(self, tx: Connection, agent: Mapping[str, Any], amount: Amount) -> None:
        """Count an amount. Raises Forbidden (`agent.budget`) when the day's budget does not hold it; then nothing is counted."""
        used = self._locked(tx, str(agent["name"]))
        for name, limit_name in LIMITS.items():
            limit, more = agent[limit_name], getattr(amount, name)
            if limit is not None and more > 0 and used[name] + more > limit:
                raise Forbidden(
                    f"{agent['name']} has used up its {name} of today: {used[name]:g} of {limit:g}",
                    hint="a person does the task; the budget is renewed at midnight UTC, or an engineer raises it",
                    code="agent.budget",
                )
        self._add(tx, str(agent["name"]), amount)

    def settle(self, tx: Connection, name: str, taken: Amount, used: Amount) -> None:
        """Replace what was set aside by what was used."""
        self._locked(tx, name)
        self._add(tx, name, Amount(used.calls - taken.calls, used.tokens - taken.tokens, used.money - taken.money))

    def refused(self, tx: Connection, name: str) -> None:
        """Count a refusal."""
        self._locked(tx, name)
        tx.execute(use.update().where(use.c.agent == name, use.c.day == today()).values(refused=use.c.refused + 1))

    def used(self, name: str) -> dict[str, float]:
        """Return what an agent has used today."""
        rows = self._db.rows(sa.select(use).where(use.c.agent == name, use.c.day == today()))
        return {key: rows[0][key] if rows else 0 for key in ("calls", "tokens", "money", "refused")}

    def _locked(self, tx: Connection, name: str) -> dict[str, Any]:
        first = sa.text(
            "INSERT INTO agent_use (agent, day, calls, tokens, money, refused) "
            "VALUES (:agent, :day, 0, 0, 0, 0) ON CONFLICT DO NOTHING"
        )
        tx.execute(first, {"agent": name, "day": today()})
        query = sa.select(use).where(use.c.agent == name, use.c.day == today()).with_for_update()
        return dict(tx.execute(query).mappings().one())

    def _add(self, tx: Connection, name: str, amount: Amount) -> None:
        values = {
            "calls": use.c.calls + amount.calls,
            "tokens": use.c.tokens + amount.tokens,
            "money": use.c.money + amount.money,
        }
        tx.execute(use.update().where(use.c.agent == name, use.c.day == today()).values(**values))


def today() -> str:
    """Return the day in UTC."""
    return datetime.fromtimestamp(now_ns() / NS, UTC).date().isoformat()
