"""What a message says, in the reader's language: plain text, one line a notice, never more than a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lineshaft.core import iso

MOST_LINES = 20
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "alarm": "Alarm P{priority}",
        "approval": "Approval waiting",
        "order": "Work order for you",
        "system": "Node",
        "case": "Overdue",
        "test": "Test",
        "many": "{n} messages",
        "times": "{n} times",
        "more": "and {n} more: see the page Notifications",
        "late": "not answered in time, so it comes to you",
        "value": "{value} {unit} (limit {limit})",
        "expires": "is refused if nobody decides until {expires}",
        "due": "due {due}",
    },
    "de": {
        "alarm": "Alarm P{priority}",
        "approval": "Freigabe wartet",
        "order": "Auftrag für Sie",
        "system": "Knoten",
        "case": "Überfällig",
        "test": "Probe",
        "many": "{n} Meldungen",
        "times": "{n}-mal",
        "more": "und {n} weitere: siehe Seite Benachrichtigungen",
        "late": "nicht rechtzeitig beantwortet, darum an Sie",
        "value": "{value} {unit} (Grenze {limit})",
        "expires": "ist abgelehnt, wenn bis {expires} niemand entscheidet",
        "due": "fällig {due}",
    },
}
PAGES: Mapping[str, str] = {
    "alarm": "/alarms",
    "approval": "/approvals",
    "order": "/orders/{thing_id}",
    "case": "/cases/{thing_id}",
    "system": "/sources",
    "test": "/notifications",
}


def plain(text: object, length: int = 300) -> str:
    r"""Return text for one line: names of the plant come from outside and may hold anything.

    >>> plain("Pump\n\x1b[31m 3")
    'Pump [31m 3'
    """
    return " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())[:length]


def message(
    rows: Sequence[Mapping[str, Any]], language: str, delivery_id: str, link: str = "", *, late: bool = False
) -> tuple[str, str]:
    """Return title and text of one message about these notices, the most urgent first."""
    words = WORDS.get(language, WORDS["en"])
    rows = sorted(rows, key=lambda row: (row["priority"], row["at"]))
    first = rows[0]
    title = _headline(first, words)
    if len(rows) > 1:
        title = f"{words['many'].format(n=len(rows))}: {title}"
    lines = [_line(row, words, link) for row in rows[:MOST_LINES]]
    if len(rows) > MOST_LINES:
        lines.append(words["more"].format(n=len(rows) - MOST_LINES))
    if late:
        lines.append(words["late"])
    return plain(title, 200), "\n".join([*lines, f"id {delivery_id}"])


def _headline(row: Mapping[str, Any], words: Mapping[str, str]) -> str:
    return f"{words[row['kind']].format(priority=row['priority'])}: {row['title']}"


def _line(row: Mapping[str, Any], words: Mapping[str, str], link: str) -> str:
    detail: dict[str, Any] = row["detail"]
    parts = [_headline(row, words), plain(row["asset"])]
    if detail.get("value") is not None:
        known = {name: detail.get(name, "") for name in ("value", "unit", "limit")}
        parts.append(words["value"].format(**known))
    if detail.get("expires"):
        parts.append(words["expires"].format(expires=iso(detail["expires"])))
    if detail.get("due"):
        parts.append(words["due"].format(due=iso(detail["due"])))
    if detail.get("hint"):
        parts.append(plain(detail["hint"]))
    if row["count"] > 1:
        parts.append(words["times"].format(n=row["count"]))
    if link:
        parts.append(link.rstrip("/") + PAGES[row["kind"]].format(thing_id=detail.get("id", "")))
    return " · ".join(part for part in [plain(iso(row["at"])), *parts] if part)
