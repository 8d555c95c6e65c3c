"""Which files the rules send to object storage now, from what is known of every file."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lineshaft.store.index import IMAGES_FOLDER, LATE_TABLE, ROLL_UPS, SAMPLES_TABLE, File
from lineshaft.store.tiers.placed import Key
from lineshaft.store.tiers.settings import Rule


@dataclass(frozen=True, slots=True)
class Due:
    """A file that a rule sends away, and when it was last read or written (ns)."""

    file: File
    rule: Rule
    touched: int


def due(
    files: Sequence[File], rules: Iterable[Rule], away: Container[Key], touched: Sequence[Mapping[Key, int]], now: int
) -> list[Due]:
    """Return what the rules send away, oldest first. Only whole days go: those that wait for no rewrite."""
    late = {file.day for file in files if file.kind == LATE_TABLE}
    rolled = {kind: {file.of for file in files if file.kind == kind} for kind in ROLL_UPS}
    found: dict[Key, Due] = {}
    for rule in rules:
        for file in files:
            key = (file.kind, file.name)
            if file.kind != rule.table or key in found or key in away:
                continue
            if file.day in late and file.kind != IMAGES_FOLDER:
                continue
            if file.kind == SAMPLES_TABLE and not all(file.name in rolled[kind] for kind in ROLL_UPS):
                continue
            last = max(one.get(key, 0) for one in touched)
            if now - file.max_ts >= rule.older_ns and now - last >= rule.unread_ns:
                found[key] = Due(file, rule, last)
    return sorted(found.values(), key=lambda one: (one.file.max_ts, one.file.name))
