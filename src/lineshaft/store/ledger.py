"""The ledger: no value goes missing without a line saying why.

received = stored (overwrites included) + duplicate + filtered(rule) + rejected(reason) + pending, for every source and tag.
A batch delivered a second time counts as received again, and as duplicate.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lineshaft.core import Bus, SystemEvent
from lineshaft.store.series import Series
from lineshaft.store.stored import Ints, Sids

Key = tuple[str, str]
EVENT = "store:ledger"
BUFFER_FULL = "buffer full"


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """The account of one tag of one source; `balance` is what nobody can explain, and must be 0."""

    source: str
    tag: str
    received: int
    stored: int
    duplicate: int
    filtered: int
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])
    pending: int = 0
    balance: int = 0
    rules: Mapping[str, int] = field(default_factory=dict[str, int])


class Example(NamedTuple):
    """A row that was rejected: its time and value as it came, and when."""

    ts: int
    value: str
    arrived: int


EXAMPLES, _MOST = 3, 3_000


class Ledger:
    """Counts by series, kept durable with the journal: totals beside it, and notes on each of its lines."""

    def __init__(self, connection: sqlite3.Connection, series: Series, bus: Bus) -> None:
        self._lock = threading.Lock()
        self._series = series
        self._bus = bus
        self._stored: Ints = np.zeros(0, np.int64)
        self._duplicate: Ints = np.zeros(0, np.int64)
        self._direct: Ints = np.zeros(0, np.int64)
        self._rejected: Counter[tuple[int, str]] = Counter()
        self._doubtful: Counter[Key] = Counter()
        self._examples: dict[tuple[str, str, str], deque[Example]] = {}
        self._told = False
        self.until = 0
        row = connection.execute("select value from meta where key='ledger'").fetchone()
        if row:
            self._restore(row[0])

    def stored(self, sids: Sids) -> None:
        """Count rows that are in the journal."""
        with self._lock:
            self._stored = _added(self._stored, sids)

    def noted(self, notes: str | None) -> None:
        """Count what the notes of a journal line say: rejected and duplicate rows, and those that came by no gateway."""
        if notes is None:
            return
        told = json.loads(notes)
        with self._lock:
            self._duplicate = _added(self._duplicate, _spread(told.get("duplicate", ())))
            self._direct = _added(self._direct, _spread(told.get("direct", ())))
            for sid, reason, n in told.get("rejected", ()):
                self._rejected[sid, reason] += n

    def example(self, source: str, tag: str, reason: str, one: Example) -> None:
        """Keep a rejected row as an example: the last three of each tag and reason."""
        with self._lock:
            kept = self._examples.pop((source, tag, reason), None) or deque(maxlen=EXAMPLES)
            kept.append(one)
            self._examples[source, tag, reason] = kept
            if len(self._examples) > _MOST:
                del self._examples[next(iter(self._examples))]

    def examples(self, source: str, tag: str | None = None) -> list[tuple[str, str, Example]]:
        """Return (tag, reason, row) of the last rejected rows of a source or one of its tags, the newest first."""
        with self._lock:
            mine = [
                (of, reason, one)
                for (here, of, reason), kept in self._examples.items()
                if here == source and tag in (None, of)
                for one in kept
            ]
        return sorted(mine, key=lambda found: -found[2].arrived)

    def to_text(self, until: int) -> str:
        """Return the totals up to a journal number, to be kept beside the journal."""
        with self._lock:
            rejected = [[sid, reason, n] for (sid, reason), n in self._rejected.items()]
            told = {"until": until, "stored": self._stored.tolist(), "duplicate": self._duplicate.tolist(), "rejected": rejected}
            kept = [[*key, list(examples)] for key, examples in self._examples.items()]
            return json.dumps({**told, "direct": self._direct.tolist(), "examples": kept})

    def _restore(self, text: str) -> None:
        told = json.loads(text)
        self.until = int(told["until"])
        self._stored, self._duplicate = np.array(told["stored"], np.int64), np.array(told["duplicate"], np.int64)
        self._direct = np.array(told.get("direct", []), np.int64)
        for source, tag, reason, kept in told.get("examples", []):
            self._examples[source, tag, reason] = deque((Example(*one) for one in kept), maxlen=EXAMPLES)
        self._rejected = Counter({(sid, reason): n for sid, reason, n in told["rejected"]})

    def rows(
        self,
        received: Mapping[Key, int],
        pending: Mapping[Key, int],
        lost: Mapping[Key, int] | None = None,
        filtered: Mapping[Key, Mapping[str, int]] | None = None,
    ) -> list[LedgerRow]:
        """Return the account of every tag; the counts given are the gateway's, other sources count on arrival here.

        `lost` are rows a full edge buffer had to give up: they count as rejected; `filtered`, by rule, those a pipeline took
        out before they were sent. Read received before pending: a row that
        is acknowledged in between is then counted twice at most, as pending, and that is put right here.
        """
        with self._lock:
            stored, duplicate, rejected = self._stored, self._duplicate, dict(self._rejected)
            direct = self._direct
        numbers: dict[Key, int] = {name: sid for sid, name in enumerate(self._series.names)}
        reasons: dict[Key, dict[str, int]] = {key: {BUFFER_FULL: n} for key, n in (lost or {}).items() if n}
        for (sid, reason), n in rejected.items():
            reasons.setdefault(self._series.names[sid], {})[reason] = n
        rows: list[LedgerRow] = []
        for key in sorted({*numbers, *received, *pending, *reasons, *(filtered or ())}):
            sid = numbers.get(key)
            refused, waiting = reasons.get(key, {}), pending.get(key, 0)
            kept, twice = _at(stored, sid), _at(duplicate, sid)
            rules = (filtered or {}).get(key, {})
            out = sum(rules.values())
            known = kept + twice + sum(refused.values()) + waiting + out
            came = received[key] + twice + _at(direct, sid) if key in received else known
            both = min(max(known - came, 0), waiting)  # stored while the gateway still held them
            rows.append(LedgerRow(*key, came, kept, twice, out, refused, waiting - both, came - known + both, rules))
        return rows

    def check(self, rows: Iterable[LedgerRow]) -> list[LedgerRow]:
        """Tell a system event for accounts that stay out of balance; call it every few seconds.

        A batch between two counters is out of balance for a moment: only the third time in a row counts.
        """
        off = {(row.source, row.tag): row for row in rows if row.balance}
        self._doubtful = Counter({key: self._doubtful[key] + 1 for key in off})
        lasting = [off[key] for key, times in self._doubtful.items() if times >= 3]
        if lasting:
            worst = max(lasting, key=lambda row: abs(row.balance))
            message = f"{len(lasting)} tags do not balance; {worst.source} {worst.tag} is off by {worst.balance}"
            hint = "look at the ledger page; keep the home folder for analysis"
            self._bus.tell(SystemEvent(EVENT, message, "error", hint=hint))
        elif self._told:
            self._bus.tell(SystemEvent(EVENT, "the ledger balances again", active=False))
        self._told = bool(lasting)
        return lasting


def notes(rejected: Mapping[tuple[int, str], int], duplicate: Sids, direct: Sids | None = None) -> str | None:
    """Return the notes of a journal line for what was not stored of its batch or came by no gateway, or None."""
    told: dict[str, object] = {}
    if rejected:
        told["rejected"] = [[sid, reason, n] for (sid, reason), n in rejected.items()]
    for name, of in (("duplicate", duplicate), ("direct", direct)):
        if of is not None and len(of):
            sids, counts = np.unique(of, return_counts=True)
            told[name] = np.stack([sids, counts], axis=1).tolist()
    return json.dumps(told) if told else None


def _spread(counted: Sequence[Sequence[int]]) -> Sids:
    """Return each series as often as it was counted."""
    sids, counts = np.array(counted, np.int64).reshape(-1, 2).T
    return np.repeat(sids, counts).astype(np.int32)


def _added(counts: Ints, sids: Sids) -> Ints:
    if not len(sids):
        return counts
    more = np.bincount(sids, minlength=len(counts))
    if len(more) > len(counts):
        more[: len(counts)] += counts
        return more
    return counts + more


def _at(counts: Ints, sid: int | None) -> int:
    return int(counts[sid]) if sid is not None and sid < len(counts) else 0
