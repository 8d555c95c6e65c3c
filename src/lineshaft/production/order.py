"""Production orders: lines with due dates, what was delivered of them, and when which order ran where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets
from lineshaft.core import Conflict, Database, InvalidInput, NotFound, bump, did_you_mean, iso, new_id, now_ns, parse_time
from lineshaft.production.product import Products
from lineshaft.production.tables import order_lines, orders, products, runs
from lineshaft.production.written import LineEntry, OrderEntry, RunEntry


class Orders:
    """The book of production orders and the running order."""

    def __init__(self, db: Database, assets: Assets, known: Products, changed: Callable[[Connection], None]) -> None:
        self._db, self._assets, self._products, self._changed = db, assets, known, changed

    def list(self, state: str | None = None) -> list[dict[str, Any]]:
        """Return the orders with their lines, newest first."""
        query = sa.select(orders).order_by(orders.c.created.desc(), orders.c.number)
        found = self._db.rows(query if state is None else query.where(orders.c.state == state))
        lines = self._db.rows(
            sa.select(order_lines, products.c.product).join(products, products.c.id == order_lines.c.product_id).order_by("line")
        )
        own: dict[str, list[dict[str, Any]]] = {}
        for line in lines:
            own.setdefault(line["order_id"], []).append(line)
        return [{**row, "lines": own.get(row["id"], [])} for row in found]

    def get(self, number_or_id: str) -> dict[str, Any]:
        """Return an order by number or id. Raises NotFound."""
        found = self.list()
        for row in found:
            if number_or_id in (row["id"], row["number"]):
                return row
        raise _no_order(number_or_id, [row["number"] for row in found])

    def id_of(self, tx: Connection, number: str) -> str:
        """Return the id of an order by its number. Raises NotFound with the nearest one."""
        known = {row.number: row.id for row in tx.execute(sa.select(orders.c.number, orders.c.id))}
        if number not in known:
            raise _no_order(number, list(known))
        return str(known[number])

    def add(self, tx: Connection, entry: OrderEntry) -> bool:
        """Make an order known, or its customer and lines new; False if nothing is new."""
        wanted = [self._wanted(tx, line) for line in entry.lines]
        row = tx.execute(sa.select(orders).where(orders.c.number == entry.order)).mappings().first()
        if row is None:
            order_id = new_id()
            values = {"number": entry.order, "customer": entry.customer, "state": "open", "created": now_ns()}
            tx.execute(orders.insert().values(id=order_id, version=1, **values))
        else:
            order_id = str(row["id"])
        new = self._lines(tx, order_id, wanted) or row is None
        customer = entry.customer if row is None or "customer" in entry.model_fields_set else row["customer"]
        if row is not None and (new or row["customer"] != customer):
            bump(tx, orders, order_id, None, customer=customer)
            new = True
        if new:
            self._changed(tx)
        return new

    def _wanted(self, tx: Connection, line: LineEntry) -> dict[str, Any]:
        """Return the columns of a line; what was delivered only if the writer knows it."""
        wanted = {"product_id": self._products.id_of(tx, line.product), "quantity": line.quantity, "due": _ns(line.due)}
        if line.delivered is not None:
            wanted["delivered"] = line.delivered
        if line.delivered_at is not None:
            wanted["delivered_at"] = _ns(line.delivered_at)
        return wanted

    def _lines(self, tx: Connection, order_id: str, wanted: list[dict[str, Any]]) -> bool:
        query = sa.select(order_lines).where(order_lines.c.order_id == order_id)
        have = {row["line"]: row for row in tx.execute(query).mappings()}
        new = False
        for number, values in enumerate(wanted, 1):
            row = have.pop(number, None)
            if (
                values.get("delivered")
                and "delivered_at" not in values
                and (row is None or row["delivered"] != values["delivered"])
            ):
                values["delivered_at"] = now_ns()
            if row is None:
                fresh = {"delivered": 0.0, **values}
                tx.execute(order_lines.insert().values(id=new_id(), version=1, order_id=order_id, line=number, **fresh))
                new = True
            elif {key: row[key] for key in values} != values:
                bump(tx, order_lines, row["id"], None, **values)
                new = True
        for row in have.values():
            tx.execute(order_lines.delete().where(order_lines.c.id == row["id"]))
        return new or bool(have)

    def deliver(self, tx: Connection, number: str, line: int, quantity: float, at: int) -> int:
        """Book a delivery against a line of an order; return the line's new version."""
        order_id = self.id_of(tx, number)
        own = (order_lines.c.order_id == order_id) & (order_lines.c.line == line)
        row = tx.execute(sa.select(order_lines).where(own)).mappings().first()
        if row is None:
            raise NotFound(f"order '{number}' has no line {line}", code="production.no-line")
        if quantity <= 0:
            raise InvalidInput(f"{quantity} cannot be delivered", hint="give a quantity above 0")
        self._changed(tx)
        return bump(tx, order_lines, row["id"], None, delivered=row["delivered"] + quantity, delivered_at=at)

    def on_time_in_full(self, start: int, end: int) -> dict[str, float | int | None]:
        """Return how many lines due in (start, end] were delivered whole and not late."""
        query = sa.select(order_lines).where((order_lines.c.due > start) & (order_lines.c.due <= end))
        rows = self._db.rows(query)
        good = sum(r["delivered"] >= r["quantity"] and r["delivered_at"] <= r["due"] for r in rows)
        return {"lines": len(rows), "on_time_in_full": good, "share": good / len(rows) if rows else None}

    def running_now(self) -> list[dict[str, Any]]:
        """Return what runs now: order, line, the path of where it runs, and since when."""
        query = sa.select(runs.c.asset_id, runs.c.line, runs.c.start_ns, orders.c.number.label("order"))
        open_ended = query.join(orders, orders.c.id == runs.c.order_id).where(runs.c.end_ns.is_(None))
        rows = self._db.rows(open_ended.order_by(runs.c.start_ns, runs.c.id))
        return [{**row, "asset": self._assets.asset(row["asset_id"]).path} for row in rows]

    def start(self, tx: Connection, entry: RunEntry) -> bool:
        """Let an order run at a line or machine from a moment on; what ran there ends. False if it is known already."""
        order_id, asset_id = self.id_of(tx, entry.order), self._assets.asset(entry.at).id
        start, end = parse_time(entry.start), _ns(entry.end)
        if not tx.execute(
            sa.select(order_lines.c.id).where((order_lines.c.order_id == order_id) & (order_lines.c.line == entry.line))
        ).first():
            raise NotFound(f"order '{entry.order}' has no line {entry.line}", code="production.no-line")
        if end is not None and end <= start:
            raise InvalidInput("the run ends before it starts", hint="look at start and end")
        rows = tx.execute(sa.select(runs).where(runs.c.asset_id == asset_id).order_by(runs.c.start_ns)).mappings().all()
        for row in rows:
            if row["start_ns"] == start and row["order_id"] == order_id and row["line"] == entry.line:
                return self._ended(tx, row["id"], row["end_ns"], end)
        later = next((row for row in rows if row["start_ns"] >= start), None)
        if later is not None and (end is None or end > later["start_ns"]):
            raise Conflict(
                f"another order runs at '{entry.at}' from {iso(later['start_ns'])} on",
                hint="give this run an end before that",
                code="production.run-overlap",
            )
        for row in rows:
            if row["start_ns"] < start and (row["end_ns"] is None or row["end_ns"] > start):
                bump(tx, runs, row["id"], None, end_ns=start)
        values = {"order_id": order_id, "asset_id": asset_id, "line": entry.line, "start_ns": start, "end_ns": end}
        tx.execute(runs.insert().values(id=new_id(), version=1, **values))
        tx.execute(
            orders.update()
            .where((orders.c.id == order_id) & (orders.c.state == "open"))
            .values(state="running", version=orders.c.version + 1)
        )
        self._changed(tx)
        return True

    def _ended(self, tx: Connection, run_id: str, known: int | None, end: int | None) -> bool:
        """Take the end of a run that was known without one; False if that is nothing new."""
        if end is None or (known is not None and known <= end):
            return False
        bump(tx, runs, run_id, None, end_ns=end)
        self._changed(tx)
        return True

    def finish(self, tx: Connection, at_path: str, at: int, *, done: bool = True) -> int:
        """End what runs at a line or machine; the order is done unless said otherwise. Raises Conflict if nothing runs."""
        asset_id = self._assets.asset(at_path).id
        row = tx.execute(sa.select(runs).where((runs.c.asset_id == asset_id) & runs.c.end_ns.is_(None))).mappings().first()
        if row is None or row["start_ns"] >= at:
            raise Conflict(f"no order runs at '{at_path}' then", code="production.nothing-runs")
        if done:
            bump(tx, orders, row["order_id"], None, state="done")
        self._changed(tx)
        return bump(tx, runs, row["id"], None, end_ns=at)


def _ns(text: str | None) -> int | None:
    return None if text is None else parse_time(text)


def _no_order(number: str, known: list[str]) -> NotFound:
    return NotFound(f"there is no production order '{number}'", hint=did_you_mean(number, known), code="production.no-order")
