"""Tryton 8 over its REST interface: a draft purchase with our mark, quoted, confirmed and processed, once.

A draft orders nothing. Before anything is confirmed all purchases with our mark are read again: the first one goes on, any
other (made by a request that was still on the line when a node died) is cancelled. Tested against a real Tryton server.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field

from lineshaft.core import ConfigError, InvalidInput, NotFound
from lineshaft.maintain.caller import Caller, Web, secret
from lineshaft.maintain.connector import Connector, Rehearsal, Supply, mark_of

Row = dict[str, Any]
ORDERED = ("confirmed", "processing", "done")
STEPS = {"draft": "quote", "quotation": "confirm", "confirmed": "process"}
"""What leads on from a purchase's state; confirmed purchases are also processed by Tryton's own worker."""


class Options(Web):
    """Where Tryton is, and what a purchase of ours belongs to there."""

    database: str = Field(description="Name of the Tryton database.")
    key_env: str = Field("TRYTON_KEY", description="Environment variable with the key of a user application `rest`.")
    company: int = Field(1, ge=1, description="Id of the company that buys.")
    warehouse: str = Field("", description="Code of the warehouse goods come to; empty is the only one.")
    products: dict[str, str] = Field(
        default_factory=dict, description="Product codes in Tryton by our part number, where they differ."
    )
    suppliers: dict[str, int] = Field(
        default_factory=dict, description="Id of the supplier's party by part; otherwise the product's first supplier."
    )
    until: Literal["draft", "quotation", "confirmed", "processing"] = Field(
        "processing", description="How far we bring it; the rest is done by people in Tryton."
    )


class Tryton(Connector):
    """One Tryton database."""

    Options = Options
    purchases = True

    def __init__(self, home: Path, options: Options) -> None:
        del home
        self._options = options
        self._caller = Caller("Tryton", options)

    def order(self, purchase: Mapping[str, Any]) -> str:
        """Bring the purchase to the state asked for; the reference is Tryton's number of it."""
        mark = mark_of(purchase)
        there = self._marked(mark)
        if not there:
            self._post("purchase.purchase", self._draft(purchase, mark))
            there = self._marked(mark)
        first = self._only(there)
        while first["state"] in STEPS and first["state"] != self._options.until:
            self._act(first["id"], STEPS[first["state"]])
            first = self._only(self._marked(mark))
        return f"{first['number'] or first['id']}"

    def rehearse(self, purchase: Mapping[str, Any]) -> Rehearsal:
        """Look for our mark, for the product, its supplier and the warehouse; nothing is written."""
        mark = mark_of(purchase)
        there = [row for row in self._marked(mark) if row["state"] != "cancelled"]
        if there:
            return Rehearsal(f"{there[0]['number'] or there[0]['id']}: {there[0]['state']}")
        return Rehearsal("", {"model": "purchase.purchase", **self._draft(purchase, mark), "state": self._options.until})

    def supply(self, purchase: Mapping[str, Any]) -> Supply | None:
        """Read how the purchase stands: its state and shipments; a cancelled one is cancelled here too."""
        there = self._marked(mark_of(purchase))
        if not there:
            return Supply("cancelled", 0.0, "no purchase with our mark is left in Tryton")
        first = self._only(there)
        came = self._came(first)
        shipped = str(first.get("shipment_state") or "none")
        text = f"{first['number'] or first['id']}: {first['state']}, shipment {shipped}"
        if first["state"] == "cancelled":
            return Supply("cancelled", came, text)
        if shipped == "received":
            return Supply("received", max(came, float(purchase["quantity"])), text)
        return Supply("ordered", came, text)

    def check(self) -> str:
        """Reach Tryton with our key."""
        found = self._search("company.company", [["id", "=", self._options.company]], "party.name")
        if not found:
            raise ConfigError(f"Tryton has no company {self._options.company}", where="[maintain] erp_options.company")
        return f"Tryton answers for {found[0]['party']['name']}"

    def _marked(self, mark: str) -> list[Row]:
        fields = ("number", "state", "reference", "shipment_state", "lines")
        return sorted(self._search("purchase.purchase", [["reference", "=", mark]], *fields), key=lambda row: row["id"])

    def _only(self, there: list[Row]) -> Row:
        """Return the purchase that counts, and cancel any second one before it orders anything."""
        living = [row for row in there if row["state"] != "cancelled"]
        if not living:
            return there[0]
        chosen = next((row for row in living if row["state"] in ORDERED), living[0])
        for row in living:
            if row is not chosen and row["state"] in ("draft", "quotation"):
                self._act(row["id"], "cancel")
        return chosen

    def _came(self, row: Row) -> float:
        """Return the quantity of goods that has come for a purchase."""
        moves = self._search(
            "stock.move", [["origin", "in", [f"purchase.line,{one}" for one in row["lines"]]]], "quantity", "state"
        )
        return float(sum(move["quantity"] for move in moves if move["state"] == "done"))

    def _draft(self, purchase: Mapping[str, Any], mark: str) -> Row:
        part = str(purchase["part"])
        product = self._product(part, self._options.products.get(part, part))
        supplier, currency = self._supplier(part, product)
        address = self._search("party.address", [["party", "=", supplier]])
        unit = product.get("purchase_uom") or product["default_uom"]
        price = Decimal(str(purchase["unit_cost"]))
        line = {
            "type": "line",
            "product": product["id"],
            "unit": unit,
            "quantity": float(purchase["quantity"]),
            "unit_price": {"__class__": "Decimal", "decimal": str(price)},
            "description": f"{purchase['name']} ({mark})",
        }
        draft: Row = {
            "company": self._options.company,
            "party": supplier,
            "currency": currency,
            "warehouse": self._warehouse(),
            "purchase_date": _date(str(purchase["created"])),
            "reference": mark,
            "invoice_method": "order",
            "comment": str(purchase.get("reason") or ""),
            "lines": [["create", [line]]],
        }
        return {**draft, "invoice_address": address[0]["id"]} if address else draft

    def _product(self, part: str, code: str) -> Row:
        fields = ("code", "default_uom", "purchase_uom", "purchasable", "template.product_suppliers", "product_suppliers")
        found = self._search("product.product", [["code", "=", code]], *fields)
        if len(found) != 1 or not found[0].get("purchasable"):
            what = "has no product" if not found else "has several products" if len(found) > 1 else "does not buy the product"
            hint = f"create it there, or name its code in [maintain] erp_options.products for {part}"
            raise InvalidInput(f"Tryton {what} with the code '{code}'", hint=hint, code="erp.unknown-product")
        return found[0]

    def _supplier(self, part: str, product: Row) -> tuple[int, int]:
        ids = [*product.get("product_suppliers", ()), *product["template"].get("product_suppliers", ())]
        listed = self._search("purchase.product_supplier", [["id", "in", ids]], "party", "currency") if ids else []
        own = self._search("company.company", [["id", "=", self._options.company]], "currency")
        if part in self._options.suppliers:
            party = self._options.suppliers[part]
            row = next((one for one in listed if one["party"] == party), None)
            return party, int((row or own[0])["currency"])
        if not listed:
            hint = f"give the product a supplier, or name one in [maintain] erp_options.suppliers for {part}"
            raise InvalidInput(f"Tryton knows no supplier of '{part}'", hint=hint, code="erp.unknown-supplier")
        return int(listed[0]["party"]), int(listed[0]["currency"])

    def _warehouse(self) -> int:
        wanted = [["code", "=", self._options.warehouse]] if self._options.warehouse else []
        found = self._search("stock.location", [["type", "=", "warehouse"], *wanted], "code")
        if len(found) != 1:
            hint = "name its code in [maintain] erp_options.warehouse"
            raise ConfigError(f"Tryton has {len(found)} warehouses '{self._options.warehouse}'", hint=hint, code="erp.warehouse")
        return int(found[0]["id"])

    def _act(self, purchase_id: int, step: str) -> None:
        """Take a step of a purchase; one that somebody took meanwhile is taken."""
        try:
            self._call("POST", f"purchase.purchase/{purchase_id}/{step}", {})
        except NotFound as error:
            raise InvalidInput(f"Tryton's purchase {purchase_id} is gone", code="erp.refused") from error

    def _post(self, model: str, values: Row) -> None:
        self._call("POST", model, values)

    def _search(self, model: str, domain: list[Any], *fields: str) -> list[Row]:
        packed = base64.urlsafe_b64encode(json.dumps(domain).encode()).decode()
        asked = "".join(f"&f={name}" for name in fields)
        return list(self._rows(self._call("GET", f"{model}?d={packed}{asked}")))

    @staticmethod
    def _rows(content: object) -> Iterator[Row]:
        for row in cast("list[object]", content) if isinstance(content, list) else []:
            yield cast("Row", row)

    def _call(self, method: str, path: str, body: object = None) -> object:
        key = secret(self._options.key_env, "[maintain] erp_options.key_env")
        self._caller.hide(key)
        where = f"/{self._options.database}/rest/model/{path}"
        return self._caller.call(method, where, body, {"Authorization": f"Bearer {key}"}).content


def _date(iso: str) -> Row:
    day = dt.date.fromisoformat(iso[:10])
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


PLUGIN = Tryton
