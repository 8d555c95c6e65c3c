"""Stand-ins for ERPs that cannot run in a test: they answer in the shapes of the vendors' published interfaces.

They prove our side (one order, whatever is lost), not that a vendor's system behaves so; only Tryton is the real thing here.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit


class StandIn:
    """One server; `things` is what it holds. `lose` cuts the line after the next change, `away` and `deny` refuse."""

    secrets = ("s3cret-value-77",)
    env: ClassVar[dict[str, str]] = {}
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.things: list[dict[str, Any]] = []
        self.lose = self.away = self.deny = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                pass

            def do_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if outer.away:
                    return self.say(503, {"message": f"down for a moment {self.headers.get('Authorization')}"})
                if outer.deny:
                    return self.say(*outer.denied(self.headers.get("Authorization") or body.decode()))
                before = len(outer.things)
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                status, content, *more = outer.answer(self.command, unquote(parts.path), query, json.loads(body or b"null"))
                if outer.lose and len(outer.things) > before:
                    outer.lose = False
                    self.close_connection = True
                    self.connection.close()
                    return None
                return self.say(status, content, *more)

            def say(self, status, content, headers=()):
                data = json.dumps(content).encode()
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815 - the standard library's names

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def denied(self, said: str) -> tuple[int, Any]:
        return 401, {"message": f"not you: {said}"}

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        raise NotImplementedError

    def living(self) -> list[dict[str, Any]]:
        return self.things

    def deliver(self, state: str) -> None:
        """Let the other system's people do something: received, cancelled."""
        raise NotImplementedError


class Odoo(StandIn):
    env: ClassVar = {"ODOO_KEY": "s3cret-value-77"}
    options: ClassVar = {"database": "plant", "user": "buyer"}

    def denied(self, said):
        data = {"name": "odoo.exceptions.AccessDenied", "message": f"Access Denied {said}"}
        return 200, {"jsonrpc": "2.0", "id": 1, "error": {"code": 200, "message": "Odoo Server Error", "data": data}}

    def answer(self, method, path, query, body):
        assert (method, path) == ("POST", "/jsonrpc")
        args = body["params"]["args"]
        if body["params"]["method"] == "authenticate":
            return self.result(7)
        assert args[:3] == ["plant", 7, "s3cret-value-77"]
        model, verb, values = args[3:6]
        if model == "product.product":
            return self.result([{"id": 3, "seller_ids": [5], "uom_id": [1, "Units"]}] if values[0][0][2] == "BRG-6205" else [])
        if model == "product.supplierinfo":
            return self.result([{"id": 5, "partner_id": [9, "Kugel"]}])
        if model == "purchase.order.line":
            return self.result([{"qty_received": thing["came"]} for thing in self.things if thing["id"] == values[0][0][2]])
        if verb == "create":
            number = len(self.things) + 1
            self.things.append({**values[0], "id": number, "name": f"P{number:05d}", "state": "draft", "came": 0.0})
            return self.result(number)
        if verb == "search_read":
            found = [thing for thing in self.things if thing["partner_ref"] == values[0][0][2]]
            return self.result([{**thing, "receipt_status": False} for thing in found])
        state = {"button_confirm": "purchase", "button_cancel": "cancel"}[verb]
        next(thing for thing in self.things if [thing["id"]] == values[0])["state"] = state
        return self.result(True)

    def result(self, content):
        return 200, {"jsonrpc": "2.0", "id": 1, "result": content}

    def living(self):
        return [thing for thing in self.things if thing["state"] == "purchase"]

    def deliver(self, state):
        for thing in self.living():
            if state == "received":
                thing["came"] = thing["order_line"][0][2]["product_qty"]
            else:
                thing["state"] = "cancel"


class ErpNext(StandIn):
    secrets = ("abc123key", "s3cret-value-77")
    env: ClassVar = {"ERPNEXT_TOKEN": "abc123key:s3cret-value-77"}
    options: ClassVar = {"company": "Bakery AG", "supplier": "Kugel & Sohn"}

    def answer(self, method, path, query, body):
        kind, _, name = path.removeprefix("/api/resource/").partition("/")
        if kind == "Company":
            return 200, {"data": {"name": name}}
        if kind == "Item":
            return (200, {"data": {"name": name}}) if name == "BRG-6205" else (404, {"exc_type": "DoesNotExistError"})
        if method == "POST":
            number = len(self.things) + 1
            self.things.append(
                {**body, "name": f"PUR-ORD-2026-{number:05d}", "docstatus": 0, "status": "Draft", "per_received": 0}
            )
            return 200, {"data": self.things[-1]}
        if method == "GET":
            mark = json.loads(query["filters"])[0][2]
            there = [one for one in self.things if one["order_confirmation_no"] == mark and one["docstatus"] != 2]
            return 200, {"data": there}
        thing = next(one for one in self.things if one["name"] == name)
        if method == "DELETE":
            self.things.remove(thing)
            return 202, {"message": "ok"}
        thing.update(docstatus=body["docstatus"], status="To Receive and Bill")
        return 200, {"data": thing}

    def living(self):
        return [thing for thing in self.things if thing["docstatus"] == 1]

    def deliver(self, state):
        for thing in self.living():
            thing.update(
                {"per_received": 100, "status": "To Bill"} if state == "received" else {"docstatus": 2, "status": "Cancelled"}
            )


class Sap(StandIn):
    env: ClassVar = {"SAP_PASSWORD": "s3cret-value-77"}
    options: ClassVar = {
        "user": "LINESHAFT", "plant": "1010", "document": "order", "company_code": "1010", "purchasing_organization": "1010",
        "supplier": "17300001",
    }  # fmt: skip

    def answer(self, method, path, query, body):
        entity = path.rpartition("/")[2]
        if not entity:
            return 200, {"d": {"EntitySets": []}}, [("x-csrf-token", "t0ken-1234"), ("Set-Cookie", "SAP_SESSIONID=abc; path=/")]
        if method == "POST":
            item = body.get("to_PurchaseOrderItem", body.get("to_PurchaseReqnItem"))[0]
            if item["Material"] != "BRG-6205":
                said = {"lang": "en", "value": f"Material {item['Material']} does not exist"}
                return 400, {"error": {"code": "06/019", "message": said}}
            number = f"45000000{len(self.things) + 1:02d}"
            row = {**body, **item, "PurchaseOrder": number, "PurchaseRequisition": number, "gone": False, "done": False}
            self.things.append(row)
            return 201, {"d": row}
        name, _, wanted = re.fullmatch(r"(\w+) (eq) '(.*)'", query["$filter"]).groups()
        rows = [
            {
                **thing,
                "IsDeleted": thing["gone"],
                "PurchasingDocumentDeletionCode": "L" if thing["gone"] else "",
                "IsCompletelyDelivered": thing["done"],
            }
            for thing in self.things
            if thing[name] == wanted
        ]
        return 200, {"d": {"results": rows}}

    def living(self):
        return [thing for thing in self.things if not thing["gone"]]

    def deliver(self, state):
        for thing in self.things:
            thing["done" if state == "received" else "gone"] = True


class SapRequisition(Sap):
    options: ClassVar = {"user": "LINESHAFT", "plant": "1010"}


class Rest(StandIn):
    env: ClassVar = {"CMMS_KEY": "Bearer s3cret-value-77"}
    options: ClassVar = {
        "secret_env": "CMMS_KEY",
        "purchase": {
            "find": {"path": "/purchases?ref={mark}", "items": "content"},
            "create": {
                "method": "POST",
                "path": "/purchases",
                "body": {"ref": "{mark}", "sku": "{part}", "qty": "{quantity}", "why": "for {part}"},
            },
            "reference": "no",
            "state": "status",
            "states": {"OPEN": "ordered", "IN": "received", "VOID": "cancelled"},
            "received": "came",
        },
        "order": {
            "find": {"path": "/workorders?externalId={mark}", "items": "content"},
            "create": {
                "method": "POST",
                "path": "/workorders",
                "body": {"ref": "{mark}", "title": "{title}", "asset": "{asset}", "priority": "{priority}"},
            },
            "reference": "no",
            "state": "status",
            "states": {
                "OPEN": "open",
                "IN_PROGRESS": "in_progress",
                "ON_HOLD": "on_hold",
                "COMPLETE": "done",
                "VOID": "cancelled",
            },
            "codes": {"mode": "codes.failure", "cause": "codes.cause", "remedy": "codes.action", "label": "codes.label"},
            "lines": "notes",
        },
    }

    def answer(self, method, path, query, body):
        if method == "POST":
            if body.get("sku", "BRG-6205") != "BRG-6205":
                return 422, {"error": "unknown sku"}
            made = {**body, "no": f"R-{len(self.things) + 1}", "status": "OPEN", "came": 0, "codes": {}, "notes": []}
            self.things.append(made)
            return 201, made
        mark = query.get("ref") or query.get("externalId")
        return 200, {"content": [thing for thing in self.things if thing["ref"] == mark]}

    def deliver(self, state):
        for thing in self.things:
            thing["status"] = {"received": "IN", "cancelled": "VOID"}[state]


STANDINS = {"odoo": [Odoo], "erpnext": [ErpNext], "sap": [Sap, SapRequisition], "rest": [Rest]}
