"""Positions from a file of the plant (config/condition.yaml), with raw records beside it; loading it again changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lineshaft.core import ConfigError, Database, InvalidInput, LineshaftError, did_you_mean, now_ns, parse_time
from lineshaft.detect.positions.positions import Positions

BY = "system:import"
RECORD = ("file", "at", "channel", "rate", "unit", "rpm", "sensitivity")


def load_positions(path: Path, db: Database, positions: Positions) -> int:
    """Commission what the file names and is not there yet; returns how many positions it names.

    A position somebody has taken off or changed since stays as it is. `ago` of a record is its age at the first start.
    """
    try:
        given: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        wanted: list[dict[str, Any]] = list(given["positions"])
    except (yaml.YAMLError, KeyError, TypeError) as error:
        hint = "positions: a list, each with asset, name, and what is said at commissioning"
        raise ConfigError(f"this is no list of sensor positions: {error}", where=path.name, hint=hint) from error
    wrong: list[LineshaftError] = []
    for entry in wanted:
        try:
            _one(path, db, positions, dict(entry))
        except LineshaftError as error:
            wrong.append(error)
        except (TypeError, ValueError, KeyError, AttributeError, OSError) as error:
            hint = "each position has asset, name, and what is said at commissioning; each of its records a file"
            wrong.append(ConfigError(f"this is no sensor position: {entry!r:.80} ({error})", where=path.name, hint=hint))
    if wrong:  # the others are at work
        raise wrong[0]
    return len(wanted)


def _one(path: Path, db: Database, positions: Positions, entry: dict[str, Any]) -> None:
    taken: list[dict[str, Any]] = list(entry.pop("records", None) or ())
    known = f"{entry.get('asset')}/{entry.get('name')}"
    if positions.book.was_there(known):
        found = next((row["id"] for row in positions.book.list() if row["path"] == known), "")
    else:
        with db.begin() as tx:
            found = positions.book.commission(tx, entry, BY)["id"]
    have = {row["file"] for row in positions.book.records(found, limit=10_000)}
    for one in taken if found else ():
        if unknown := set(one) - {*RECORD, "ago_s"}:
            word = min(unknown)
            raise ConfigError(f"'{word}' is nothing a record has", where=path.name, hint=did_you_mean(word, RECORD))
        if Path(str(one["file"])).name not in have:  # one that was wrong at the first start is taken once it is right
            _record(path, db, positions, found, dict(one))


def _record(path: Path, db: Database, positions: Positions, position_id: str, one: dict[str, Any]) -> None:
    at = parse_time(one.pop("at")) if "at" in one else now_ns() - int(float(one.pop("ago_s", 0)) * 1e9)
    file = path.parent / str(one.pop("file"))
    row = positions.book.get(position_id)
    try:
        looked = positions.open(row, file, one.pop("channel", None), at, **one)
    except InvalidInput as error:
        raise ConfigError(str(error), where=f"{path.name}: {file.name}", hint=error.hint) from error
    with db.begin() as tx:
        positions.take_record(tx, position_id, looked, at, file.name, BY)
