"""Guidance for a technician at a machine: passages of manuals, instructions and past orders, live values, and a checklist.

Everything is read as the one who asks: an order of another line, a document of a part of the plant they do not see, a hidden
table are not found. What the passages say is data, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lineshaft.act.agency import Reach
from lineshaft.act.assistant.checklist import checklist
from lineshaft.act.assistant.feeding import Feeder
from lineshaft.act.assistant.index import Hit, Index
from lineshaft.act.assistant.words import words
from lineshaft.core import Forbidden, InvalidInput
from lineshaft.guard import Sight, Subject

MOST = 8
PATIENCE = 3.0
"""Seconds a question waits for what is new to be read."""
TABLES = {"document": "documents", "order": "work_orders", "instruction": "work_orders"}
NEAR = {"here": 1.0, "kin": 0.8, "above": 0.7, "below": 0.75, "anywhere": 0.55}
"""How much a passage counts by where it belongs: the machine itself, one of its kind, what it is part of, its parts, nowhere."""
WEIGHT = {"document": 1.0, "instruction": 1.0, "order": 0.7}
"""What is written to be read counts for more than what somebody noted."""
ENOUGH = 0.35
"""A passage that fits less than this, against the best one, is not shown."""


class Assistant:
    """What is known about a trouble."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self.index = Index(reach.home / "assistant.db" if reach.home else None)
        self.feeder = Feeder(self.index, reach.orders, reach.store, reach.instructions)

    def start(self) -> None:
        """Begin to read what there is."""
        self.feeder.start()

    def stop(self) -> None:
        """End."""
        self.feeder.stop()
        self.index.close()

    def find(self, subject: Subject, question: str, place: str = "", limit: int = MOST) -> list[dict[str, Any]]:
        """Return the passages that answer a question best, numbered; about a place, or about anything."""
        hits = self._hits(subject, words(question), place, limit)
        return [_shown(number, hit, place) for number, hit in enumerate(hits, 1)]

    def advise(self, subject: Subject, question: str, asset: str) -> dict[str, Any]:
        """Return passages, a checklist, live values, alarms and past orders for a trouble at a machine."""
        if not question.strip() and not asset:
            raise InvalidInput("ask something, or name a machine", where="question", code="assistant.question")
        self.feeder.wake()
        ready = self.feeder.settle(PATIENCE)
        place = self._reach.place(subject, asset) if asset else ""
        alarms = _or_none(lambda: self._reach.alarms(subject, place)) if place else []
        standing = [one for one in alarms if one.get("active")]
        asked = words(question) or words(" ".join(f"{one['name']} {one.get('cause') or ''}" for one in standing))
        hits = self._hits(subject, asked, place, MOST)
        past = _or_none(lambda: self._reach.work(subject, place)) if place else []
        alike = _alike(past, asked)
        return {
            "asset": place,
            "question": question,
            "passages": [_shown(number, hit, place) for number, hit in enumerate(hits, 1)],
            "checklist": checklist(hits, alarms, alike),
            "values": _or_none(lambda: self._reach.values(subject, place))[:20] if place else [],
            "alarms": alarms[:10],
            "orders": alike[:5],
            "ready": ready,
            "passages_known": self.index.count(),
        }

    def _hits(self, subject: Subject, asked: Sequence[str], place: str, limit: int) -> list[Hit]:
        """Return the best passages, those of the place and its kind before others."""
        near = self._nearness(place)
        rated: list[tuple[float, Hit]] = []
        for hit in self.index.search(asked, 120):
            where = near(hit.asset)
            if where and self._sees(subject, hit):
                rated.append((-hit.rank * NEAR[where] * WEIGHT[hit.kind], hit))
        rated.sort(key=lambda one: (-one[0], one[1].id))
        best = rated[0][0] if rated else 0.0
        return [hit for rate, hit in rated[:limit] if rate >= best * ENOUGH]

    def _sees(self, subject: Subject, hit: Hit) -> bool:
        if subject.sight(TABLES[hit.kind]) is not Sight.SHOWN:
            return False
        if subject.veil.touches(TABLES[hit.kind]) and hit.kind == "order":  # its text holds all its columns
            return False
        return subject.reaches(hit.asset) if hit.asset else not subject.scope or hit.kind == "instruction"

    def _nearness(self, place: str) -> Any:
        """Return what says how near an asset is to the place; nothing for one that has nothing to do with it."""
        models = {asset.path: asset.model for asset in self._reach.map.tree()} if place else {}
        mine = models.get(place)

        def near(asset: str) -> str:
            if not place or not asset:
                return "anywhere"
            if asset == place:
                return "here"
            if place.startswith(asset + "/"):
                return "above"
            if asset.startswith(place + "/"):
                return "below"
            return "kin" if mine and models.get(asset) == mine else ""

        return near


def _alike(orders: Iterable[Mapping[str, Any]], asked: Sequence[str]) -> list[dict[str, Any]]:
    """Return past orders in the order in which they resemble the question; finished ones say what was found."""

    def rate(row: Mapping[str, Any]) -> tuple[int, bool]:
        text = f"{row.get('title') or ''} {row.get('failure_mode') or ''} {' '.join(map(str, row.get('notes') or ()))}".casefold()
        return sum(word in text for word in asked), bool(row.get("closing"))

    return sorted((dict(row) for row in orders), key=rate, reverse=True)


def _or_none(read: Any) -> list[dict[str, Any]]:
    """Return what may be read; nothing of a table that is hidden from the one who asks."""
    try:
        return read()
    except Forbidden:
        return []


def _shown(number: int, hit: Hit, place: str) -> dict[str, Any]:
    here = hit.asset == place if place else False
    source = {"kind": hit.kind, "id": hit.ref, "name": hit.name, "place": hit.place, "asset": hit.asset, "here": here}
    return {"number": number, **source, "text": hit.text}
