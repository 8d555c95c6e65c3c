"""The demo's own people: they play the loop over the API, as any script of a plant could, and write down what happened."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from lineshaft.core import NS, iso, now_ns, parse_time

PEOPLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "anna": ("Anna Berg", ("technician", "operator")),
    "bert": ("Bert Lang", ("planner",)),
    "jonas": ("Jonas Winter", ("technician",)),
    "meryem": ("Meryem Kaya", ("technician",)),
}
"""Who works in the demo: name, display, roles. anna repairs, bert approves, jonas and meryem are the other technicians."""

LINE = "Bakery/Line 1"
PUMP = f"{LINE}/Cooler/Coolant pump"
DERIVED = f"{PUMP}/PowerIndex"


class Person:
    """Somebody with a login, speaking to the node over REST."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self._url = f"{url}/api/v1/"
        self._token = ""
        self._token = str(self.ask("POST", "login", {"name": name, "password": password})["token"])

    @property
    def token(self) -> str:
        """The bearer token of this person's session."""
        return self._token

    def ask(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """Send one request. Raises RuntimeError with the node's own words if it refuses."""
        query = f"?{urllib.parse.urlencode(params)}" if params else ""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = json.dumps(body if body is not None else {}).encode() if method != "GET" else None
        request = urllib.request.Request(self._url + path + query, data, headers, method=method)  # noqa: S310 - our own http URL
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read()[:500].decode()}") from None

    def get(self, path: str, **params: str) -> Any:
        """Read something."""
        return self.ask("GET", path, **params)

    def post(self, path: str, **body: Any) -> Any:
        """Change something."""
        return self.ask("POST", path, body)


class Latency:
    """Listens to the live stream and measures how old a derived value is when it arrives on a screen."""

    def __init__(self, url: str, token: str, path: str = DERIVED) -> None:
        self.seen: list[float] = []
        self._path = path
        self._asset = path.rpartition("/")[0]
        self._socket = connect(
            url.replace("http", "ws", 1) + "/api/v1/stream", additional_headers={"Authorization": f"Bearer {token}"}
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        self._socket.send(json.dumps({"subscribe": {"assets": [self._asset], "events": False}}))
        last, first = "", True
        try:
            for message in self._socket:
                shown = json.loads(message).get("values", {}).get(self._path)
                if shown is None or shown[2] == last:
                    continue
                if not first:  # the first frame shows what was there before
                    self.seen.append((now_ns() - parse_time(shown[2])) / 1e6)
                last, first = shown[2], False
        except ConnectionClosed:
            return

    def close(self) -> dict[str, float | None]:
        """Stop listening and return p50 and p99 in milliseconds (None if nothing was seen)."""
        self._socket.close()
        self._thread.join(5)
        ordered = sorted(self.seen)

        def pick(share: float) -> float | None:
            return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None

        return {"p50": pick(0.5), "p99": pick(0.99)}


class Rehearsal:
    """The whole loop once: alive, broken, alarmed, ordered, reserved, approved, repaired, verified, closed."""

    def __init__(self, url: str, passwords: dict[str, str]) -> None:
        self._url = url
        self._passwords = passwords
        self._end = 0.0
        self.report: dict[str, Any] = {"loop_closed": False}

    def play(self, seconds: float) -> None:
        """Play for at most `seconds`; whatever happens, `report` tells how far it went."""
        self._end = time.monotonic() + seconds
        began = now_ns()
        admin, anna, bert = (Person(self._url, name, self._passwords[name]) for name in ("admin", "anna", "bert"))
        latency = Latency(self._url, admin.token)
        steps: dict[str, float] = {}
        try:
            self._loop(admin, anna, bert, steps)
            self.report["loop_closed"] = True
            time.sleep(max(0.0, self._end - time.monotonic() - 2))
        except (RuntimeError, TimeoutError, OSError) as error:
            self.report["stopped_at"] = str(error)
        finally:
            self.report |= {"seconds": steps, "latency_ms": latency.close()} | self._measured(admin, began)

    def _loop(self, admin: Person, anna: Person, bert: Person, steps: dict[str, float]) -> None:
        start = time.monotonic()

        def note(step: str) -> None:
            steps[step] = round(time.monotonic() - start, 1)

        self._until("values arrive", lambda: admin.get("latest", property=DERIVED)["items"][0]["value"] is not None)
        self._until("the oven counts", lambda: self._oee(admin, f"{LINE}/Oven", now_ns() - 120 * NS)["oee"] is not None)
        note("alive")
        before = {case["id"] for case in admin.get("cases")["items"]}
        admin.post("simulator/faults", fault="pump", active=True)
        note("pump broken")
        case = self._until("a case", lambda: next((c for c in admin.get("cases")["items"] if c["id"] not in before), None))
        note("case")
        alarm = self._until(
            "an alarm", lambda: next((a for a in anna.get("alarms", state="active")["items"] if a["asset"] == PUMP), None)
        )
        anna.post(f"alarms/{alarm['id']}/acknowledge", note="on my way")
        order = self._until("a work order with a reserved part", lambda: self._order(anna, case["id"]))
        note("work order with part")
        self._decide(bert, case["id"])
        note("purchase approved")
        self._repair(anna, admin, order["id"])
        note("repaired")
        self._until("the case is done", lambda: self._finish(bert, case["id"], order["id"]))
        note("case done")

    def _order(self, person: Person, case: str) -> dict[str, Any] | None:
        found = next((o for o in person.get("work-orders")["items"] if o["case_id"] == case), None)
        if found is None:
            return None
        order: dict[str, Any] = person.get(f"work-orders/{found['id']}")
        return order if order["reserved"] else None

    def _decide(self, person: Person, case: str) -> None:
        """Approve whatever the case asks a second person for."""

        def mine() -> dict[str, Any] | None:
            return next((a for a in person.get("approvals", state="open")["items"] if a["case_id"] == case), None)

        approval = self._until("an approval to give", mine)
        person.post(f"approvals/{approval['id']}/decide", decision="approve", reason="stock is below its minimum")

    def _repair(self, technician: Person, simulator: Person, order: str) -> None:
        """Do the work: take it, change the bearing (which ends the fault), fill the checklist, report done."""
        technician.post(f"work-orders/{order}/start")
        simulator.post("simulator/faults", fault="pump", active=False)
        for step in technician.get(f"work-orders/{order}")["checklist"]:
            result: Any = "pass" if step["kind"] != "number" else (step.get("limits") or {}).get("max", 1) / 2
            technician.post(f"work-orders/{order}/checklist/{step['id']}", result=result)
        technician.post(f"work-orders/{order}/done", note="bearing changed")

    def _finish(self, person: Person, case: str, order: str) -> bool:
        """Return whether the case is done; verify and close the order when it is a person's turn."""
        state = person.get(f"work-orders/{order}")["state"]
        if state == "verified":
            person.post(f"work-orders/{order}/close", mode="VIB", cause="AGE", remedy="REPLACE")
        return bool(person.get(f"cases/{case}")["state"] == "done")

    def _oee(self, person: Person, asset: str, start: int) -> Any:
        return person.get("oee", asset=asset, start=iso(start), end=iso(now_ns()))

    def _measured(self, admin: Person, began: int) -> dict[str, Any]:
        try:
            machines = [a for a in admin.get("assets")["items"] if a["oee"] and a["path"] != LINE]
            ledger = admin.get("ledger", limit="1000")
            oee = {a["path"]: self._oee(admin, a["path"], began) for a in machines}
            keep = ("availability", "performance", "quality", "oee", "elements")
            return {
                "machines": len(machines),
                **{key: ledger["totals"][key] for key in ("received", "stored", "duplicate", "pending")},
                "rejected": sum(ledger["totals"]["rejected"].values()),
                "balance": sum(abs(row["balance"]) for row in ledger["items"]),
                "oee": {path: {key: one[key] for key in keep} for path, one in oee.items()},
                "alarms": len(admin.get("alarms", state="all")["items"]),
                "cases": len(admin.get("cases")["items"]),
                "work_orders": len(admin.get("work-orders")["items"]),
            }
        except (RuntimeError, OSError) as error:
            return {"not_measured": str(error)}

    def _until(self, what: str, ask: Callable[[], Any]) -> Any:
        while time.monotonic() < self._end:
            try:
                answer = ask()
            except RuntimeError as error:
                if ": 404 " not in str(error):
                    raise
                answer = None
            if answer:
                return answer
            time.sleep(0.25)
        raise TimeoutError(f"the time was over before: {what}")
