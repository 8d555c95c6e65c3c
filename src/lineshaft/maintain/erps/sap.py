"""SAP S/4HANA over OData (V2): a purchase requisition or a purchase order, found again by its tracking field.

Such a document counts from its creation, there is no draft: our mark is looked for before anything is created, and after a lost
answer only once the request can no longer be on the line. Tested against a stand-in that answers in the shapes of the published
interfaces API_PURCHASEREQ_PROCESS_SRV and API_PURCHASEORDER_PROCESS_SRV, not against an SAP system.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from lineshaft.core import ConfigError, InvalidInput, LineshaftError
from lineshaft.maintain.caller import Answer, Caller, Web, secret
from lineshaft.maintain.connector import Connector, Rehearsal, Supply, short_mark

Row = dict[str, Any]
REQUISITION = "/sap/opu/odata/sap/API_PURCHASEREQ_PROCESS_SRV"
ORDER = "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV"


class Options(Web):
    """Where SAP is, and what a document of ours belongs to there."""

    user: str = Field(description="Communication user.")
    password_env: str = Field("SAP_PASSWORD", description="Environment variable with that user's password.")
    client: str = Field("", description="Client (sap-client), where the address serves several.")
    document: Literal["requisition", "order"] = Field("requisition", description="What an approved purchase becomes there.")
    plant: str = Field(description="Plant goods come to.")
    purchasing_group: str = Field("", description="Purchasing group.")
    purchasing_organization: str = Field("", description="Purchasing organization (orders).")
    company_code: str = Field("", description="Company code (orders).")
    supplier: str = Field("", description="Supplier's number (orders).")
    unit: str = Field("PC", description="Unit of measure of our quantities there.")
    materials: dict[str, str] = Field(default_factory=dict, description="Material numbers by our part number, where they differ.")


class Sap(Connector):
    """One SAP system."""

    Options = Options
    purchases = True

    def __init__(self, home: Path, options: Options) -> None:
        del home
        self._options, self._caller = options, Caller("SAP", options)
        if options.document == "order" and not (options.supplier and options.company_code and options.purchasing_organization):
            what = "an order needs supplier, company_code and purchasing_organization"
            raise ConfigError(what, where="[maintain] erp_options", hint="or choose document = 'requisition'")

    def order(self, purchase: Mapping[str, Any]) -> str:
        """Create the document unless one carries our mark; the reference is its number."""
        found = self._items(purchase)
        if not found:
            self._create(purchase)
            found = self._items(purchase)
        if not found:
            raise InvalidInput("SAP took the document and does not show it", hint="has it a release or tracking field?")
        return str(found[0]["PurchaseRequisition" if self._is_requisition else "PurchaseOrder"])

    def supply(self, purchase: Mapping[str, Any]) -> Supply | None:
        """Read whether the document was turned into an order, delivered or deleted."""
        items = self._items(purchase)
        if not items:
            return Supply("cancelled", 0.0, "no document with our mark is left in SAP")
        item, quantity = items[0], float(purchase["quantity"])
        if self._is_requisition:
            number = str(item["PurchaseRequisition"])
            if item.get("IsDeleted"):
                return Supply("cancelled", 0.0, f"{number} is deleted")
            ordered, closed = float(item.get("OrderedQuantity") or 0), bool(item.get("IsClosed"))
            return Supply("ordered", 0.0, f"{number}: ordered {ordered:g}" + (", closed" if closed else ""))
        number = str(item["PurchaseOrder"])
        if item.get("PurchasingDocumentDeletionCode"):
            return Supply("cancelled", 0.0, f"{number} is deleted")
        done = bool(item.get("IsCompletelyDelivered"))
        return Supply("received" if done else "ordered", quantity if done else 0.0, f"{number}" + (": delivered" if done else ""))

    def check(self) -> str:
        """Fetch a token, as before every change."""
        self._token()
        return f"SAP answers for {self._options.user}"

    @property
    def _is_requisition(self) -> bool:
        return self._options.document == "requisition"

    @property
    def _service(self) -> str:
        return REQUISITION if self._is_requisition else ORDER

    def _items(self, purchase: Mapping[str, Any]) -> list[Row]:
        """Return the items of documents with our mark, what is deleted last."""
        if self._is_requisition:
            where = f"RequirementTracking eq '{short_mark(purchase, 10)}'"
            rows = self._read("A_PurchaseRequisitionItem", where)
            return sorted(rows, key=lambda row: bool(row.get("IsDeleted")))
        heads = self._read("A_PurchaseOrder", f"CorrespncExternalReference eq '{short_mark(purchase, 12)}'")
        rows = [row for head in heads for row in self._read("A_PurchaseOrderItem", f"PurchaseOrder eq '{head['PurchaseOrder']}'")]
        return sorted(rows, key=lambda row: bool(row.get("PurchasingDocumentDeletionCode")))

    def _read(self, entity: str, where: str) -> list[Row]:
        answer = self._call("GET", f"/{entity}?$format=json&$filter={quote(where)}").content
        return [] if not isinstance(answer, dict) else answer["d"]["results"]  # pyright: ignore[reportUnknownVariableType]

    def rehearse(self, purchase: Mapping[str, Any]) -> Rehearsal:
        """Look for our mark; nothing is written."""
        found = self._items(purchase)
        if found:
            return Rehearsal(str(found[0]["PurchaseRequisition" if self._is_requisition else "PurchaseOrder"]))
        path, body = self._document(purchase)
        return Rehearsal("", {"entity": path.lstrip("/"), **body})

    def _create(self, purchase: Mapping[str, Any]) -> None:
        self._post(*self._document(purchase))

    def _document(self, purchase: Mapping[str, Any]) -> tuple[str, Row]:
        """Return where a purchase is written and what is written there."""
        chosen, part = self._options, str(purchase["part"])
        common = {"Material": chosen.materials.get(part, part), "Plant": chosen.plant}
        quantity = f"{float(purchase['quantity']):.3f}"
        if self._is_requisition:
            item = {
                **common,
                "RequestedQuantity": quantity,
                "BaseUnit": chosen.unit,
                "PurchasingGroup": chosen.purchasing_group,
                "PurchaseRequisitionItemText": str(purchase["name"])[:40],
                "RequirementTracking": short_mark(purchase, 10),
            }
            return "/A_PurchaseRequisitionHeader", {"PurchaseRequisitionType": "NB", "to_PurchaseReqnItem": [item]}
        item = {**common, "PurchaseOrderItem": "10", "OrderQuantity": quantity, "PurchaseOrderQuantityUnit": chosen.unit}
        head = {
            "PurchaseOrderType": "NB",
            "CompanyCode": chosen.company_code,
            "PurchasingOrganization": chosen.purchasing_organization,
            "PurchasingGroup": chosen.purchasing_group,
            "Supplier": chosen.supplier,
            "CorrespncExternalReference": short_mark(purchase, 12),
            "to_PurchaseOrderItem": [item],
        }
        return "/A_PurchaseOrder", head

    def _post(self, path: str, body: Row) -> None:
        """Create; a material SAP does not know is told as such."""
        try:
            self._call("POST", path, body, {"X-CSRF-Token": self._token()})
        except InvalidInput as error:
            if "material" in error.what.lower():
                hint = "create it there, or name its number in erp_options.materials"
                raise InvalidInput(error.what, hint=hint, code="erp.unknown-product") from None
            raise

    def _token(self) -> str:
        token = self._call("GET", "/", headers={"X-CSRF-Token": "Fetch"}).headers.get("x-csrf-token", "")
        if not token:
            raise LineshaftError("SAP gives no token", hint="is the service active for this user?", code="erp.token")
        self._caller.hide(token)
        return token

    def _call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        password = secret(self._options.password_env, "[maintain] erp_options.password_env")
        basic = base64.b64encode(f"{self._options.user}:{password}".encode()).decode()
        self._caller.hide(password, basic)
        sent = {"Authorization": f"Basic {basic}", **(headers or {})}
        if self._options.client:
            sent["sap-client"] = self._options.client
        return self._caller.call(method, self._service + path, body, sent)


PLUGIN = Sap
