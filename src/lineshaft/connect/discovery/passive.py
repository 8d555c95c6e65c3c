"""Sparkplug: those that announce themselves at a broker a source listens to; nobody is asked anything."""

from __future__ import annotations

from collections.abc import Iterable

from lineshaft.connect.discovery.found import Found, Hears
from lineshaft.connect.source import Source

MANY = 500


def heard(sources: Iterable[Source]) -> list[Found]:
    """Return every edge node and device that the running sources heard being born."""
    found: list[Found] = []
    for source in sources:
        if isinstance(source, Hears):
            for one in source.systems():
                gaps = () if one["alive"] else ("it was born and is silent now",)
                facts = {"source": source.name, "tags": one["tags"][:MANY], "count": len(one["tags"])}
                found.append(Found("sparkplug", f"{source.name}: {one['path']}", one["path"], gaps=gaps, facts=facts))
    return found
