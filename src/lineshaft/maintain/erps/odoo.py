"""Odoo over JSON-RPC: a request for quotation with our mark as the vendor reference, confirmed once.

Tested against a stand-in that answers in the shapes Odoo's documentation and clients show, not against an Odoo server.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import Field

from lineshaft.core import CredentialsError, InvalidInput, Retryable
from lineshaft.maintain.caller import Caller, Web, secret
from lineshaft.maintain.connector import Connector, Rehearsal, Supply, mark_of

Row = dict[str, Any]
LIVING = ("draft", "sent", "to approve", "purchase", "done")
DENIED = ("AccessDenied", "AccessError", "SessionExpired")


class Options(Web):
    """Where Odoo is, and who buys there."""

    database: str = Field(description="Name of the Odoo database.")
    user: str = Field(description="Login of the user that buys.")
    key_env: str = Field("ODOO_KEY", description="Environment variable with that user's API key.")
    products: dict[str, str] = Field(
        default_factory=dict, description="Internal references by our part number, where they differ."
    )
    confirm: bool = Field(True, description="Confirm the order; otherwise it stays a request for quotation.")


class Odoo(Connector):
    """One Odoo database."""

    Options = Options
    purchases = True

    def __init__(self, home: Path, options: Options) -> None:
        del home
        self._options, self._caller = options, Caller("Odoo", options)

    def order(self, purchase: Mapping[str, Any]) -> str:
        """Create what is not there, keep one, confirm it; the reference is Odoo's name of it."""
        mark = mark_of(purchase)
        if not self._living(mark):
            self._do("purchase.order", "create", [self._draft(purchase, mark)])
        first, *others = self._living(mark)
        for row in others:
            if row["state"] in ("draft", "sent"):
                self._do("purchase.order", "button_cancel", [[row["id"]]])
        if self._options.confirm and first["state"] in ("draft", "sent"):
            self._do("purchase.order", "button_confirm", [[first["id"]]])
        return str(first["name"])

    def rehearse(self, purchase: Mapping[str, Any]) -> Rehearsal:
        """Look for our mark, the product and its vendor; nothing is written."""
        mark = mark_of(purchase)
        there = self._living(mark)
        if there:
            return Rehearsal(f"{there[0]['name']}: {there[0]['state']}")
        return Rehearsal("", {"model": "purchase.order", **self._draft(purchase, mark), "confirm": self._options.confirm})

    def supply(self, purchase: Mapping[str, Any]) -> Supply | None:
        """Read the order's state and what of it was received."""
        there = self._marked(mark_of(purchase))
        living = [row for row in there if row["state"] in LIVING]
        if not living:
            return Supply("cancelled", 0.0, "cancelled in Odoo" if there else "no order with our mark is left in Odoo")
        first = living[0]
        fields = {"fields": ["qty_received"]}
        lines = self._do("purchase.order.line", "search_read", [[["order_id", "=", first["id"]]]], fields)
        came = float(sum(line["qty_received"] for line in lines))
        text = f"{first['name']}: {first['state']}, received {came:g}"
        full = first.get("receipt_status") == "full" or came >= float(purchase["quantity"])
        return Supply("received" if full else "ordered", came, text)

    def check(self) -> str:
        """Log in."""
        return f"Odoo knows us as user {self._login()}"

    def _marked(self, mark: str) -> list[Row]:
        asked = {"fields": ["name", "state", "receipt_status"], "order": "id"}
        return self._do("purchase.order", "search_read", [[["partner_ref", "=", mark]]], asked)

    def _living(self, mark: str) -> list[Row]:
        """Return what is not cancelled, what is ordered first."""
        rows = [row for row in self._marked(mark) if row["state"] in LIVING]
        return sorted(rows, key=lambda row: (row["state"] in ("draft", "sent"), row["id"]))

    def _draft(self, purchase: Mapping[str, Any], mark: str) -> Row:
        part = str(purchase["part"])
        code = self._options.products.get(part, part)
        asked = {"fields": ["seller_ids", "uom_po_id", "uom_id"], "limit": 2}
        found = self._do("product.product", "search_read", [[["default_code", "=", code]]], asked)
        if len(found) != 1:
            what = f"Odoo has {len(found)} products with the internal reference '{code}'"
            raise InvalidInput(what, hint="create it there, or name it in erp_options.products", code="erp.unknown-product")
        sellers = (
            self._do("product.supplierinfo", "read", [found[0]["seller_ids"], ["partner_id"]]) if found[0]["seller_ids"] else []
        )
        if not sellers:
            raise InvalidInput(f"Odoo knows no vendor of '{code}'", hint="give the product a vendor", code="erp.unknown-supplier")
        line = {
            "product_id": found[0]["id"],
            "name": f"{purchase['name']} ({mark})",
            "product_qty": float(purchase["quantity"]),
            "price_unit": float(purchase["unit_cost"]),
        }
        return {"partner_id": sellers[0]["partner_id"][0], "partner_ref": mark, "origin": mark, "order_line": [[0, 0, line]]}

    def _login(self) -> int:
        key = self._key()
        found = self._rpc("common", "authenticate", [self._options.database, self._options.user, key, {}])
        if not isinstance(found, int) or isinstance(found, bool):
            hint = "check user and the variable with its key"
            raise CredentialsError("Odoo refuses our credentials", hint=hint, code="erp.credentials")
        return found

    def _key(self) -> str:
        key = secret(self._options.key_env, "[maintain] erp_options.key_env")
        self._caller.hide(key)
        return key

    def _do(self, model: str, method: str, values: list[Any], more: Row | None = None) -> Any:
        return self._rpc(
            "object", "execute_kw", [self._options.database, self._login(), self._key(), model, method, values, more or {}]
        )

    def _rpc(self, service: str, method: str, args: list[Any]) -> Any:
        params = {"service": service, "method": method, "args": args}
        answer = self._caller.call("POST", "/jsonrpc", {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}).content
        if not isinstance(answer, dict):
            raise Retryable("Odoo answers with something that is no JSON-RPC", code="erp.answer")
        content = cast("Row", answer)
        if "error" in content:
            raise self._refused(content["error"])
        return content.get("result")

    def _refused(self, error: Any) -> Exception:
        data: Row = error.get("data") or {}
        name, said = str(data.get("name", "")), self._caller.redacted(str(data.get("message") or error.get("message")))
        if name.rpartition(".")[2] in DENIED:
            hint = "check the user's key and what it may do"
            return CredentialsError(f"Odoo refuses us: {said}", hint=hint, code="erp.credentials")
        if name.rpartition(".")[2] in ("UserError", "ValidationError", "MissingError"):
            return InvalidInput(f"Odoo refuses: {said}", code="erp.refused")
        return Retryable(f"Odoo answers with an error: {said}", code="erp.away")


PLUGIN = Odoo
