"""The books of models: what there is, which version works, and every change of it in one transaction."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineshaft.assets import Assets, Kind
from lineshaft.core import (
    NS,
    Conflict,
    Database,
    DataType,
    InvalidInput,
    NotFound,
    bump,
    did_you_mean,
    iso,
    new_id,
    now_ns,
    parse_duration,
)
from lineshaft.detect.anomaly import AnomalySettings
from lineshaft.detect.anomaly.columns import read_off
from lineshaft.detect.gone import refuse_forgotten
from lineshaft.detect.machines.placing import begin, place_of, put, show_from
from lineshaft.detect.model_tables import models, versions
from lineshaft.detect.showing import show
from lineshaft.guard import Subject

PROMOTE = ("by hand", "better")
"""When a retrained version takes over: on a person's word, or when its backtest raises no more alerts than the active one's."""
SOURCE = "models"
SHOWN = {"anomaly score": "score", "anomaly reason": "reason"}
"""Properties of an asset that show what its active model says, when the asset's model has them."""
OURS = frozenset({SOURCE, "own models", "condition", "life"})
"""Sources of what detectors say: of models, positions, own models and remaining life."""

SETTLED = ("lookback", "retrain", "promote", "delay", "failure_mode")
CHANGING = ("name", "settings", *SETTLED)
"""What may be changed about a model; the rest is what its versions were made of."""
LONGEST_DELAY = 86_400 * NS
OFTEN = 3_600 * NS
"""A model is trained again no more often."""

NAMED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?P<quoted>[^`]+)`|(?<![\w/.])(?P<bare>[^\W\d]\w*)(?![\w/(])""")
"""The names in a formula, in backquotes or bare; quoted texts are passed over."""

LIGHT = [column for column in versions.c if column.name not in ("blob", "memory")]


class Book:
    """Models and their versions."""

    def __init__(self, db: Database, assets: Assets) -> None:
        self._db, self._assets = db, assets

    def create(self, tx: Connection, asset: str, by: Subject, wanted: dict[str, Any]) -> dict[str, Any]:
        """Plan a model of an asset. Raises InvalidInput for properties or settings that are wrong."""
        name = str(wanted.get("name") or asset)
        if self._db.rows(sa.select(models.c.id).where(models.c.name == name), tx):
            raise Conflict(f"there is a model '{name}' already", where="name", hint="choose another name", code="models.name")
        paths, settings = self.chosen(asset, wanted)
        row: dict[str, Any] = {
            "id": new_id(),
            "version": 1,
            "name": name,
            "asset": asset,
            "properties": paths,
            "settings": settings,
            "every": parse_duration(wanted.get("every") or "1m", where="every"),
            **{name: _settled(name, wanted.get(name)) for name in SETTLED},
            "created": now_ns(),
            "by": by.id,
            "fleet": str(wanted.get("fleet") or ""),
            "together": bool(wanted.get("together")),
        }
        tx.execute(models.insert().values(**row))
        return self.model(row["id"], tx)

    def change(self, tx: Connection, model_id: str, changes: Mapping[str, Any], version: int | None = None) -> dict[str, Any]:
        """Change a model's schedule, its name or its settings (all of them; from the next training on); the rest stays."""
        row = self.model(model_id, tx)
        if fixed := sorted(set(changes) - set(CHANGING)):
            hint = f"{', '.join(CHANGING)} can be changed; for other properties or steps plan another model"
            raise InvalidInput(f"{fixed[0]} cannot be changed", where=fixed[0], hint=hint, code="models.fixed")
        values: dict[str, Any] = {name: _settled(name, changes[name]) for name in SETTLED if name in changes}
        if "name" in changes:
            values["name"] = str(changes["name"]).strip() or row["name"]
            same = (models.c.name == values["name"]) & (models.c.id != model_id)
            if self._db.rows(sa.select(models.c.id).where(same), tx):
                raise Conflict(f"there is a model '{values['name']}' already", where="name", code="models.name")
        if "settings" in changes:
            if row["together"]:
                hint = "plan the fleet anew with other settings"
                raise Conflict("this model learns together with others, by the same settings", hint=hint, code="models.together")
            values["settings"] = self.settings(dict(changes["settings"] or {}), row["properties"])
        bump(tx, models, model_id, version, **values)
        self._shown_as(tx, row, str(values.get("name", row["name"])))
        return self.model(model_id, tx)

    def _shown_as(self, tx: Connection, row: Mapping[str, Any], name: str) -> None:
        """Have the asset's properties show on what a model says, whose series are called by its name."""
        for one in self._assets.properties(row["asset"]) if name != row["name"] else ():
            part, spans = SHOWN.get(one.name.lower()), self._assets.spans(one.id)
            if spans and spans[-1].end_ns is None and (spans[-1].source, spans[-1].tag) == (SOURCE, f"{row['name']}/{part}"):
                show_from(tx, self._assets, one.path, SOURCE, f"{name}/{part}", now_ns())

    def remove(self, tx: Connection, model_id: str, version: int | None = None) -> dict[str, Any]:
        """Take a model away with all its versions; its findings and scores stay. Raises Conflict while a version works."""
        row = self.model(model_id, tx)
        if version is not None and version != row["version"]:
            raise Conflict(f"'{row['name']}' was changed meanwhile", hint="read it again", code="conflict.version")
        working = [name for name in ("active", "shadow") if row[name] is not None]
        if working or any(one["state"] == "training" for one in self.versions(model_id, tx)):
            what = f"version {row[working[0]]} of '{row['name']}' is at work" if working else f"'{row['name']}' is being trained"
            raise Conflict(what, hint="switch its versions off, or cancel the training, first", code="models.at-work")
        tx.execute(versions.delete().where(versions.c.model_id == model_id))
        tx.execute(models.delete().where(models.c.id == model_id))
        return row

    def properties(self, asset: str, wanted: Sequence[str]) -> list[str]:
        """Return the property paths of a model: those asked for, else all numbers of the asset and what is below it."""
        tree = {one.path: one for one in self._assets.tree()}
        if asset not in tree:
            hint = did_you_mean(asset, tree)
            raise InvalidInput(f"there is no asset '{asset}'", where="asset", hint=hint, code="models.asset")
        if wanted:
            return [self._assets.property(path).path for path in wanted]
        below = [path for path in tree if path == asset or path.startswith(f"{asset}/")]
        numbers = (DataType.DOUBLE, DataType.INTEGER)
        known = [one for path in below for one in self._assets.properties(path)]
        fits = [one for one in known if one.type in numbers and not one.counter and one.kind is not Kind.ATTRIBUTE]
        return [one.path for one in fits if one.name.lower() not in SHOWN and not self._ours(one.id)]

    def _ours(self, property_id: str) -> bool:
        """Say whether a property is what a detector of this house says: another must not learn from it unasked."""
        return any(span.source in OURS for span in self._assets.spans(property_id))

    def chosen(self, asset: str, wanted: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """Return the properties and settings of a model that is wanted.

        Names are as seen from the asset, or whole paths. What only the off condition asks is gathered too, and never judged.
        """
        paths = self.properties(asset, wanted.get("properties") or ())
        own = [one.name for one in self._assets.properties(asset)]
        given = absolute(wanted.get("settings") or {}, asset, own)
        off = str(given.get("off") or "")
        asked: list[str] = []
        for name in re.findall(r"`([^`]+)`", off):
            if "/" not in name:
                raise InvalidInput(f"{asset} has no property '{name}'", where="off", hint=did_you_mean(name, own))
            asked.append(self._assets.property(name).path)
        beyond = [path for path in dict.fromkeys(asked) if path not in paths]
        if beyond:
            given["ignore"] = [*given.get("ignore", ()), *beyond]
        if off:
            bare = [name for name in own if name.isidentifier()]
            read_off(off, dict.fromkeys([*bare, *paths, *beyond]))  # a wrong name would be told only by the training
        return [*paths, *beyond], self.settings(given, [*paths, *beyond])

    def texts(self, paths: Sequence[str]) -> frozenset[str]:
        """Return the properties that hold no numbers."""
        numbers = (DataType.DOUBLE, DataType.INTEGER, None)
        return frozenset(path for path in paths if self._assets.property(path).type not in numbers)

    @staticmethod
    def settings(given: dict[str, Any], paths: Sequence[str]) -> dict[str, Any]:
        """Return settings that are sound for these properties."""
        try:
            made = AnomalySettings(**given)
        except ValueError as error:
            raise InvalidInput(f"a setting is wrong: {error}", where="settings", code="models.settings") from error
        for name in (*made.drivers, *made.states, *made.ignore):
            if name not in paths:
                raise InvalidInput(
                    f"'{name}' is none of the model's properties", where="settings", hint=did_you_mean(name, paths)
                )
        return made.model_dump(mode="json", exclude_defaults=True)

    def list(self) -> list[dict[str, Any]]:
        """Return all models by name."""
        return self._db.rows(sa.select(models).order_by(models.c.name))

    def model(self, model_id: str, tx: Connection | None = None) -> dict[str, Any]:
        """Return one model. Raises NotFound."""
        rows = self._db.rows(sa.select(models).where(models.c.id == model_id), tx)
        if not rows:
            raise NotFound(f"there is no model {model_id}", code="models.unknown")
        return rows[0]

    def _held(self, tx: Connection, model_id: str) -> dict[str, Any]:
        """Return one model, held until the transaction ends: no version of it loses meanwhile what it has learned."""
        tx.execute(sa.select(models.c.id).where(models.c.id == model_id).with_for_update())
        return self.model(model_id, tx)

    def together(self, model_id: str, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return a model and those that learn together with it, by name."""
        model = self.model(model_id, tx)
        if not model["together"]:
            return [model]
        query = sa.select(models).where(models.c.fleet == model["fleet"], models.c.together).order_by(models.c.name)
        return self._db.rows(query, tx)

    def fleet(self, name: str, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return the models of a fleet by name. Raises NotFound if there are none."""
        rows = self._db.rows(sa.select(models).where(models.c.fleet == name).order_by(models.c.name), tx)
        if not rows or not name:
            raise NotFound(f"there is no fleet '{name}'", code="models.fleet")
        return rows

    def create_fleet(self, tx: Connection, by: Subject, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """Plan a model for each asset of an asset model at or below `under`; properties and settings as seen from the asset."""
        under, kind = str(wanted["under"]), str(wanted["model"])
        name = str(wanted.get("name") or kind)
        if self._db.rows(sa.select(models.c.id).where(models.c.fleet == name), tx):
            raise Conflict(f"there is a fleet '{name}' already", where="name", hint="choose another name", code="models.name")
        alike = [one for one in self._assets.tree() if one.model == kind and f"{one.path}/".startswith(f"{under}/")]
        if len(alike) < 2:
            known = sorted({one.model for one in self._assets.tree() if one.model})
            hint = did_you_mean(kind, known) or "plan a model of the one asset instead"
            raise InvalidInput(f"{len(alike)} assets of the model '{kind}' are below '{under}'", where="model", hint=hint)
        return [self._one_of(tx, by, name, asset.path, wanted) for asset in alike]

    def _one_of(self, tx: Connection, by: Subject, fleet: str, asset: str, wanted: dict[str, Any]) -> dict[str, Any]:
        names = list(wanted.get("properties") or ())
        paths = [f"{asset}/{name}" for name in names] or self.properties(asset, ())
        settings = absolute(wanted.get("settings") or {}, asset, [path.removeprefix(f"{asset}/") for path in paths])
        one = {**wanted, "name": f"{fleet}: {asset}", "properties": paths, "settings": settings, "fleet": fleet}
        return self.create(tx, asset, by, one)

    def versions(self, model_id: str, tx: Connection | None = None) -> list[dict[str, Any]]:
        """Return a model's versions, newest first, without their arrays."""
        query = sa.select(*LIGHT).where(versions.c.model_id == model_id).order_by(versions.c.number.desc())
        return self._db.rows(query, tx)

    def number(self, model_id: str, number: int, tx: Connection | None = None) -> dict[str, Any]:
        """Return one version, whole. Raises NotFound."""
        query = sa.select(versions).where(versions.c.model_id == model_id, versions.c.number == number)
        rows = self._db.rows(query, tx)
        if not rows:
            raise NotFound(f"there is no version {number} of this model", code="models.version")
        return rows[0]

    def begin(self, tx: Connection, model: dict[str, Any], start: int, end: int, by: str) -> dict[str, Any]:
        """Begin a version. Raises Conflict while another one is being trained."""
        known = self.versions(model["id"], tx)
        if any(one["state"] == "training" for one in known):
            raise Conflict("a version is being trained already", hint="wait for it, or cancel it", code="models.training")
        row: dict[str, Any] = {
            "id": new_id(),
            "version": 1,
            "model_id": model["id"],
            "number": max((one["number"] for one in known), default=0) + 1,
            "state": "training",
            "start": start,
            "end": end,
            "begun": now_ns(),
            "about": {},
            "backtest": {},
            "now": {},
            "by": by,
        }
        tx.execute(versions.insert().values(**row))
        return row

    def write(self, tx: Connection, version_id: str, **values: Any) -> None:
        """Note something about a version."""
        tx.execute(versions.update().where(versions.c.id == version_id).values(**values))

    def use(
        self, tx: Connection, model_id: str, number: int, mode: str, version: int | None = None, place: str | None = None
    ) -> dict[str, Any]:
        """Let a trained version work: `active`, in the `shadow`, or `off`.

        `place` is where: empty for this node, or EDGE/DETECTOR; None leaves it as it is.
        """
        model, chosen = self._held(tx, model_id), self.number(model_id, number, tx)
        refuse_forgotten(chosen, again(chosen))
        if chosen["state"] != "ready":
            raise Conflict(f"version {number} is {chosen['state']}", hint="train a version first", code="models.not-ready")
        if place is not None:
            put(tx, chosen["id"], place, now_ns())
        if mode != "off" and number not in (model["active"], model["shadow"]):
            begin(tx, chosen["id"], now_ns())
        if mode == "active":
            other = None if model["shadow"] == number else model["shadow"]
            before = model["active"] if model["active"] not in (None, number) else model["previous"]
            bump(tx, models, model_id, version, active=number, previous=before, shadow=other)
            self._show(tx, model, chosen)
        elif mode == "shadow":
            other = None if model["active"] == number else model["active"]
            bump(tx, models, model_id, version, shadow=number, active=other)
        else:
            off = {key: None for key in ("active", "shadow") if model[key] == number}
            bump(tx, models, model_id, version, **off)
        return self.model(model_id, tx)

    def _show(self, tx: Connection, model: dict[str, Any], chosen: dict[str, Any]) -> None:
        """Have the asset's own properties show what a version says, where it works."""
        place = place_of(tx, chosen["id"])
        show(tx, self._assets, model["asset"], SHOWN, SOURCE, model["name"], chosen["end"])
        for one in self._assets.properties(model["asset"]):
            part = SHOWN.get(one.name.lower())
            if part is not None:
                source, tag = (place, part) if place else (SOURCE, f"{model['name']}/{part}")
                if place or any("/" in span.source for span in self._assets.spans(one.id)):
                    show_from(tx, self._assets, one.path, source, tag, now_ns())

    def back(self, tx: Connection, model_id: str, version: int | None = None) -> dict[str, Any]:
        """Go back to the version that was active before. Raises Conflict if there was none."""
        model = self._held(tx, model_id)
        if model["previous"] is None:
            raise Conflict("no other version was active before", code="models.no-previous")
        bump(tx, models, model_id, version, active=model["previous"], previous=model["active"])
        chosen = self.number(model_id, model["previous"], tx)
        begin(tx, chosen["id"], now_ns())
        self._show(tx, model, chosen)
        return self.model(model_id, tx)


def again(version: Mapping[str, Any]) -> str:
    """Return how to get back what a version had learned."""
    span = f"{iso(version['start'])} to {iso(version['end'])}"
    return f"train a new version on the same time ({span}), or take in the file it was saved to"


def _settled(name: str, given: Any) -> Any:
    """Return what is wanted of a model's schedule, sound in itself; nothing given is the default."""
    if name == "failure_mode":
        return str(given or "")
    if name == "promote":
        promote = str(given or PROMOTE[0])
        if promote not in PROMOTE:
            raise InvalidInput(f"'{promote}' is no rule of promotion", where="promote", hint=did_you_mean(promote, PROMOTE))
        return promote
    length = parse_duration(given or ("90d" if name == "lookback" else 0), where=name)
    if name == "retrain" and 0 < length < OFTEN:
        raise InvalidInput("a model is trained once an hour at most", where=name, hint="30d suits most", code="models.often")
    if name == "delay" and length > LONGEST_DELAY:
        raise InvalidInput("values are waited for a day at most", where=name, hint="10m, for example", code="models.delay")
    return length


def absolute(settings: dict[str, Any], asset: str, names: Sequence[str]) -> dict[str, Any]:
    """Return settings that name properties as seen from an asset with the properties' whole paths."""
    made = dict(settings)
    for key in ("drivers", "states", "ignore"):
        if key in made:
            made[key] = [f"{asset}/{name}" if name in names else name for name in made[key]]
    text = str(made.get("off") or "")

    def whole(found: re.Match[str]) -> str:
        name = found["quoted"] or found["bare"]
        return f"`{asset}/{name}`" if name in names else found[0]

    return {**made, "off": NAMED.sub(whole, text)} if text else made


def same_machine(one: str, other: str) -> bool:
    """Say whether two assets are the same, or one is a part of the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
