"""ERPNext over its REST interface: a purchase order as a draft with our mark, submitted once.

Tested against a stand-in that answers in the shapes of the Frappe REST documentation, not against an ERPNext server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import Field

from lineshaft.core import InvalidInput, NotFound
from lineshaft.maintain.caller import Caller, Web, secret
from lineshaft.maintain.connector import Connector, Rehearsal, Supply, mark_of

Row = dict[str, Any]
DRAFT, SUBMITTED, CANCELLED = 0, 1, 2


class Options(Web):
    """Where ERPNext is, and for whom it buys."""

    token_env: str = Field("ERPNEXT_TOKEN", description="Environment variable with 'key:secret' of an API user.")
    company: str = Field(description="Name of the company that buys.")
    supplier: str = Field("", description="Supplier where a part has none of its own in `suppliers`.")
    suppliers: dict[str, str] = Field(default_factory=dict, description="Supplier by our part number.")
    warehouse: str = Field("", description="Warehouse goods come to; empty is the item's own.")
    items: dict[str, str] = Field(default_factory=dict, description="Item codes by our part number, where they differ.")
    mark_field: str = Field("order_confirmation_no", description="Field of a purchase order that holds our mark.")
    submit: bool = Field(True, description="Submit the order; otherwise it stays a draft.")


class ErpNext(Connector):
    """One ERPNext site."""

    Options = Options
    purchases = True

    def __init__(self, home: Path, options: Options) -> None:
        del home
        self._options, self._caller = options, Caller("ERPNext", options)

    def order(self, purchase: Mapping[str, Any]) -> str:
        """Create what is not there, keep one, submit it; the reference is ERPNext's name of it."""
        mark = mark_of(purchase)
        if not self._living(mark):
            self._call("POST", "Purchase Order", body=self._draft(purchase, mark))
        first, *others = self._living(mark)
        for row in others:
            if row["docstatus"] == DRAFT:
                self._call("DELETE", "Purchase Order", row["name"])
        if self._options.submit and first["docstatus"] == DRAFT:
            self._call("PUT", "Purchase Order", first["name"], body={"docstatus": SUBMITTED})
        return str(first["name"])

    def rehearse(self, purchase: Mapping[str, Any]) -> Rehearsal:
        """Look for our mark; nothing is written."""
        mark = mark_of(purchase)
        there = self._living(mark)
        if there:
            return Rehearsal(f"{there[0]['name']}: {there[0]['status']}")
        return Rehearsal("", {"doctype": "Purchase Order", **self._draft(purchase, mark), "submit": self._options.submit})

    def supply(self, purchase: Mapping[str, Any]) -> Supply | None:
        """Read the order's status and what share of it was received."""
        living = self._living(mark_of(purchase))
        if not living:
            return Supply("cancelled", 0.0, "no order with our mark is left in ERPNext")
        first = living[0]
        share = float(first.get("per_received") or 0.0)
        came = round(float(purchase["quantity"]) * min(share, 100.0) / 100, 3)
        text = f"{first['name']}: {first['status']}, received {share:g} %"
        if first["status"] == "Closed" and share < 100:
            return Supply("cancelled", came, text)
        return Supply("received" if share >= 100 else "ordered", came, text)

    def check(self) -> str:
        """Read the company."""
        self._call("GET", "Company", self._options.company)
        return f"ERPNext answers for {self._options.company}"

    def _living(self, mark: str) -> list[Row]:
        filters = json.dumps([[self._options.mark_field, "=", mark], ["docstatus", "!=", CANCELLED]])
        fields = json.dumps(["name", "docstatus", "status", "per_received"])
        rows: list[Row] = self._call(
            "GET", "Purchase Order", query={"filters": filters, "fields": fields, "order_by": "creation asc"}
        )
        return sorted(rows, key=lambda row: row["docstatus"] == DRAFT)

    def _draft(self, purchase: Mapping[str, Any], mark: str) -> Row:
        part = str(purchase["part"])
        code, supplier = self._options.items.get(part, part), self._options.suppliers.get(part, self._options.supplier)
        if not supplier:
            hint = "set erp_options.supplier, or one by part in erp_options.suppliers"
            raise InvalidInput(f"no supplier is named for '{part}'", hint=hint, code="erp.unknown-supplier")
        try:
            self._call("GET", "Item", code)
        except NotFound:
            hint = "create it there, or name its code in erp_options.items"
            raise InvalidInput(f"ERPNext has no item '{code}'", hint=hint, code="erp.unknown-product") from None
        day = str(purchase["created"])[:10]
        line = {"item_code": code, "qty": float(purchase["quantity"]), "rate": float(purchase["unit_cost"]), "schedule_date": day}
        if self._options.warehouse:
            line["warehouse"] = self._options.warehouse
        head = {"company": self._options.company, "supplier": supplier, "schedule_date": day, "items": [line]}
        return {**head, self._options.mark_field: mark}

    def _call(
        self, method: str, kind: str, name: str = "", *, query: Mapping[str, str] | None = None, body: object = None
    ) -> Any:
        token = secret(self._options.token_env, "[maintain] erp_options.token_env")
        self._caller.hide(token, *token.split(":"))
        path = f"/api/resource/{quote(kind)}" + (f"/{quote(name, safe='')}" if name else "")
        if query:
            path += "?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
        answer = self._caller.call(method, path, body, {"Authorization": f"token {token}"}).content
        return answer.get("data") if isinstance(answer, dict) else None  # pyright: ignore[reportUnknownVariableType]


PLUGIN = ErpNext
