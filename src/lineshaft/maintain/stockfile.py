"""Reading `spares.yaml`: the parts of the store with their bins, limits, and the assets that use them.

    spares:
      - {part: BRG-6205, name: ..., bin: B-12, on_hand: 4, minimum: 3, target: 8, unit_cost: 24.5, lead_time_days: 5,
         used_by: [{asset: Bakery/Line 1/Cooler/Coolant pump, quantity: 2, failure_mode: VIB}]}

A plain asset path under `used_by` means one piece, whatever fails.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from pydantic import Field, field_validator

from lineshaft.core import ConfigError, Database, Problem, Section, did_you_mean, fit, read_marked
from lineshaft.guard import Subject
from lineshaft.maintain.filed import is_news
from lineshaft.maintain.spare import Spares


class Use(Section):
    """One place where a part is used."""

    asset: str
    quantity: float = Field(1.0, gt=0)
    failure_mode: str = ""


class Card(Section):
    """One part's card."""

    part: str = Field(min_length=1, max_length=80)
    name: str
    bin: str = ""
    on_hand: float = Field(0.0, ge=0)
    minimum: float = Field(0.0, ge=0)
    target: float = Field(0.0, ge=0)
    unit_cost: float = Field(0.0, ge=0)
    lead_time_days: float = Field(0.0, ge=0)
    used_by: list[Use] = Field(default_factory=list[Use])
    alternatives: list[str] = Field(default_factory=list[str])

    @field_validator("used_by", mode="before")
    @classmethod
    def _paths(cls, value: object) -> object:
        if isinstance(value, list):
            return [{"asset": use} if isinstance(use, str) else use for use in cast("list[object]", value)]
        return value


def read_spares(path: Path) -> list[Card]:
    """Return the cards of a file. Raises ConfigError with file and line for the first thing that is wrong."""
    document = read_marked(path, path.name)
    data: Any = document.data if document.data is not None else {"spares": []}
    rows = data.get("spares", data.get("items")) if isinstance(data, dict) else data
    if not isinstance(rows, list):
        raise ConfigError("a list of parts under 'spares:' is expected", where=document.where())
    key: tuple[str | int, ...] = () if isinstance(data, list) else ("spares" if "spares" in data else "items",)
    cards: list[Card] = []
    for number, value in enumerate(cast("list[object]", rows)):
        card, problems = fit(document, Card, value, *key, number)
        if card is None:
            raise _wrong(problems[0])
        if any(card.part == other.part for other in cards):
            raise ConfigError(f"part '{card.part}' is here twice", where=document.where(*key, number))
        cards.append(card)
    return cards


def load_spares(path: Path, db: Database, spares: Spares) -> int:
    """Bring the file's new and changed cards into the store; the stock of a part that is already there is left alone."""
    cards = read_spares(path)
    by = Subject.system("import")
    with db.begin() as tx:
        for card in cards:
            if is_news(tx, "spares", card.part, card.model_dump()):
                spares.add(tx, card.part, card.model_dump(exclude={"part"}), by)
    return len(cards)


def _wrong(problem: Problem) -> ConfigError:
    return ConfigError(problem.what, where=problem.where, hint=problem.hint or did_you_mean("", Card.model_fields))
