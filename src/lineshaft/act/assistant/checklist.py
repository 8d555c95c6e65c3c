"""The checklist: what to do at the machine, each line with where it comes from. No line is made up; each is copied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lineshaft.act.assistant.index import Hit

MOST = 14
_STEP = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•]|[a-z]\))\s+(?P<text>\S.{6,300})$")
_SAFETY = re.compile(
    r"lock.?out|locked out|isolat|residual|abgeschaltet|freischalt|gegen wieder|verriegel|sperren", re.IGNORECASE
)


def checklist(
    hits: Sequence[Hit], alarms: Sequence[Mapping[str, Any]], orders: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return what to do: first what keeps one safe, then what stands, then what is written, then what helped before."""
    lines = [*_steps(hits), *_alarms(alarms), *_before(orders)]
    lines.sort(key=lambda line: (not line["safety"], line.pop("order")))
    seen: set[str] = set()
    kept: list[dict[str, Any]] = []
    for line in lines:
        said = line["text"].casefold()
        if said not in seen:
            seen.add(said)
            kept.append(line)
    return kept[:MOST]


def _steps(hits: Sequence[Hit]) -> Iterator[dict[str, Any]]:
    """Yield the steps that the best passages of manuals and instructions list."""
    written = [(number, hit) for number, hit in enumerate(hits, 1) if hit.kind in {"document", "instruction"}][:4]
    for number, hit in written:
        for row in hit.text.splitlines():
            found = _STEP.match(row)
            if found:
                text = found["text"].strip()
                yield {"text": text, "cites": number, "from": hit.name, "safety": bool(_SAFETY.search(text)), "order": 1}


def _alarms(alarms: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in alarms:
        if not one.get("active"):
            continue
        value = f" ({one['value']} {one.get('unit') or ''})".replace(" )", ")") if one.get("value") is not None else ""
        action = str(one.get("action") or one.get("cause") or "").strip()
        text = f"{one['name']}{value}" + (f": {action}" if action else "")
        yield {"text": text, "cites": None, "from": str(one["name"]), "safety": False, "order": 0}


def _before(orders: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what was found in orders that are finished."""
    for one in orders[:3]:
        closing: Mapping[str, Any] = one.get("closing") or {}
        said = [str(closing[name]) for name in ("mode", "cause", "remedy") if closing.get(name)]
        if said:
            text = f"{one['title']}: {' / '.join(said)}"
            yield {"text": text, "cites": None, "from": str(one["number"]), "safety": False, "order": 2}
