"""The tables each room offers to SQL and the catalog, built from the room's own reading methods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from lineshaft.act import Act
from lineshaft.assets import Assets
from lineshaft.compute import COUNTS, KEPT, RATIOS, Compute
from lineshaft.core import now_ns
from lineshaft.detect import Detect
from lineshaft.doors import Rooms
from lineshaft.guard import Subject
from lineshaft.maintain import Orders, Purchases, Spares
from lineshaft.production import Production
from lineshaft.store import Field, Plant, Range, Store, View

_DAY = 86_400_000_000_000
_MOST = 100_000
Rows = Iterable[Mapping[str, Any]]


def offer(rooms: Rooms) -> None:
    """Register the views of all rooms with the store's workbench; each reads its room only when a question names it."""
    rooms.store.etl.owners = rooms.guard.sessions.named
    rooms.store.etl.heard = lambda owner, job, about: _record(rooms, owner, job, about)
    rooms.store.sql.plant = Plant(rooms.assets.properties, rooms.assets.spans)
    rooms.store.sql.register(
        *_of_assets(rooms.assets),
        *_of_production(rooms.production, rooms.assets),
        _downtime(rooms.compute, rooms.assets),
        _hours(rooms.compute, rooms.assets),
        *_of_detect(rooms.detect),
        *_of_maintain(rooms.orders, rooms.spares, rooms.purchases),
        _cases(rooms.act),
        *_of_store(rooms.store),
    )


def _record(rooms: Rooms, owner: Subject, job: str, about: Mapping[str, Any]) -> None:
    """Keep in the audit that a job ran, as whom and with what end."""
    with rooms.db.begin() as tx:
        outcome = "ok" if about["state"] == "done" else "refused" if about.get("refused") else "failed"
        rooms.guard.record(tx, owner, "etl.ran", f"etl:{job}", about, outcome)


def _fields(text: str) -> tuple[Field, ...]:
    """Return fields written as `name:type[:unit]`, a text where no type is written."""
    parts = (word.split(":") for word in text.split())
    return tuple(Field(name, *(kind or ["text"])) for name, *kind in parts)


def _renamed(rows: Rows, **names: str) -> Rows:
    """Return rows with other names for what is a keyword in SQL (`at`, `by`, `limit`, `order`, `check`)."""
    for row in rows:
        yield {names.get(name, name): value for name, value in row.items()}


def _of_assets(assets: Assets) -> Iterator[View]:
    def places(_when: Range) -> Rows:
        return [
            {
                "id": one.id,
                "asset": one.path,
                "name": one.name,
                "level": one.level,
                "model": one.model,
                "parent": one.path.rpartition("/")[0] or None,
                "timezone": one.timezone,
                "description": one.description,
                "serial": (one.thing or {}).get("serial"),
                "attributes": dict(one.attributes),
            }
            for one in assets.tree()
        ]

    def properties(_when: Range) -> Rows:
        return [
            {
                "id": one.id,
                "property": one.path,
                "asset": one.asset_path,
                "name": one.name,
                "kind": one.kind.value,
                "type": one.type.value,
                "unit": one.unit,
                "formula": one.formula,
                "model": one.model,
                "model_version": one.model_version,
                "description": one.description,
            }
            for one in assets.properties()
        ]

    columns = _fields("id asset name level model parent timezone description serial attributes:json")
    yield View("assets", columns, places, "The plant as a tree of positions.", room="assets")
    columns = _fields("id property asset name kind type unit formula model model_version:integer description")
    yield View("properties", columns, properties, "Every property of every asset: measured, computed or set.", room="assets")


def _of_production(production: Production, assets: Assets) -> Iterator[View]:
    def orders(_when: Range) -> Rows:
        for order in production.orders.list():
            for line in order["lines"] or [{}]:
                yield {**line, **{name: order[name] for name in ("number", "customer", "state", "created")}}

    def runs(when: Range) -> Rows:
        machines = [one.path for one in assets.tree() if one.oee]
        for path in machines:
            for run in production.running(path, when.start or 0, when.end or now_ns()):
                yield {
                    "asset": path,
                    "started": run.start,
                    "ended": run.end,
                    "order_number": run.order,
                    "product": run.product,
                    "ideal_cycle": run.ideal_cycle_s,
                }

    def quality(when: Range) -> Rows:
        found = production.quality.list(when.start, when.end, _MOST)
        return _renamed(found, machine="asset", check="check_name", at="ts", order="order_number", by="entered_by")

    fields = "number customer state line:integer product quantity:number due:time delivered:number delivered_at:time created:time"
    said = "Production orders, a row for every order line."
    yield View("production_orders", _fields(fields), orders, said, None, "created", room="production")
    fields = "lot material quantity:number unit state made_at:time parents:texts"
    said = "Lots of material and the lots they were made from."
    yield View("lots", _fields(fields), lambda _when: production.lots.list(), said, None, "made_at", room="production")
    fields = (
        "id check_name ts:time asset lot order_number value:number unit low:number high:number passed:boolean entered_by note"
    )
    said = "Quality results of a lot, an order or a machine."
    yield View("quality", _fields(fields), quality, said, "asset", "ts", room="production")
    fields = "asset started:time ended:time order_number product ideal_cycle:number:s"
    yield View("runs", _fields(fields), runs, "Which order ran on which machine when.", "asset", None, room="production")


def _downtime(compute: Compute, assets: Assets) -> View:
    def stops(when: Range) -> Rows:
        now = now_ns()
        end = min(when.end or now, now)
        start = end - 30 * _DAY if when.start is None else when.start
        for root in (one for one in assets.tree() if one.parent_id is None):
            for stop in compute.downtime(root.path, start, end):
                seconds = ((stop.end or now) - stop.start) / 1e9
                named = {name: getattr(stop, name) for name in ("id", "asset", "state", "reason", "micro", "code")}
                yield {**named, "said_by": stop.by, "started": stop.start, "ended": stop.end, "seconds": seconds}

    columns = _fields("id asset started:time ended:time seconds:number:s state reason micro:boolean code said_by")
    said = "Stops of machines and their reasons: the last 30 days, or those the condition on `started` asks for."
    return View("downtime", columns, stops, said, "asset", "started", room="compute", counted=False)


def _hours(compute: Compute, assets: Assets) -> View:
    def hours(when: Range) -> Rows:
        now = now_ns()
        start = (when.end or now) - 30 * _DAY if when.start is None else when.start - 1
        for one in (asset for asset in assets.tree() if asset.oee):
            for ended, values in sorted(compute.kept(one.path, start, when.end or now).items()):
                yield {"asset": one.path, "ended": ended, **values}

    fields = " ".join(f"{name}:number" if name in RATIOS + COUNTS else f"{name}:number:s" for name in KEPT)
    said = "Each machine's time elements, counts and OEE by the hour: 30 days, or what the condition on `ended` asks for."
    return View("oee", _fields(f"asset ended:time {fields}"), hours, said, "asset", "ended", room="compute", counted=False)


def _of_detect(detect: Detect) -> Iterator[View]:
    def alarms(_when: Range) -> Rows:
        return _renamed(detect.alarms(active_only=False, kind=None), limit="threshold")

    def findings(_when: Range) -> Rows:
        return _renamed(detect.findings(limit=_MOST), at="ts", by="found_by")

    fields = (
        "id asset name kind priority:integer property unit operator threshold:number state value:number raised:time cleared:time "
        "acknowledged:time acknowledged_by failure_mode cause consequence action condition origin area impact rationalised:time"
    )
    said = "Every alarm and alert as it stands now, with its last occurrence."
    yield View("alarms", _fields(fields), alarms, said, "asset", "raised", room="detect")
    fields = "id asset kind score:number sensors:json failure_mode evidence:json ts:time found_by label"
    yield View("findings", _fields(fields), findings, "What detectors found unusual.", "asset", "ts", room="detect")
    fields = (
        "asset kind confirmed:integer no_fault_found:integer false_alarm:integer neutral:integer open:integer precision:number "
        "precision_at_least:number"
    )
    said = "How often findings were right, by the labels people gave them."
    yield View("finding_precision", _fields(fields), lambda _when: detect.precision(), said, "asset", room="detect")


def _of_maintain(orders: Orders, spares: Spares, purchases: Purchases) -> Iterator[View]:
    fields = (
        "id number asset title kind state priority:integer failure_mode created:time due:time started:time done:time closed:time "
        "assigned_to waiting_for case_id closing:json"
    )
    said = "Work orders."
    yield View("work_orders", _fields(fields), lambda _when: orders.list(limit=_MOST), said, "asset", "created", room="maintain")
    fields = (
        "id part name bin on_hand:number reserved:number available:number minimum:number target:number unit_cost:number "
        "lead_time_days:number:d"
    )
    yield View("spares", _fields(fields), lambda _when: spares.list(), "Spare parts on stock.", None, room="maintain")
    fields = "id number part name quantity:number cost:number state proposed_by approved_by case_id created:time"
    said = "Purchases proposed, approved and ordered."
    yield View("purchases", _fields(fields), lambda _when: purchases.list(limit=_MOST), said, None, "created", room="maintain")


def _of_store(store: Store) -> Iterator[View]:
    def shelf(_when: Range) -> Rows:
        return [{**asdict(one), "asset": one.about} for one in store.documents.list(limit=_MOST)]

    def album(_when: Range) -> Rows:
        return [asdict(one) for one in store.images.list(limit=_MOST)]

    fields = "id name mime size:integer sha256 asset created:time"
    said = "Documents about assets; those about nothing in particular have no asset."
    yield View("documents", _fields(fields), shelf, said, "asset", "created", room="store")
    fields = (
        "id asset lot ts:time station result name mime size:integer width:integer height:integer sha256 path taken_in:time "
        "score:number model"
    )
    said = "Images of inspections; `path` is the file below HOME/lake. The newest 100,000."
    yield View("images", _fields(fields), album, said, "asset", "ts", room="store")


def _cases(act: Act) -> View:
    fields = "id number process asset title state opened:time closed:time current_task work_order_id"
    return View(
        "cases", _fields(fields), lambda _when: act.cases(limit=_MOST), "Cases of processes.", "asset", "opened", room="act"
    )
