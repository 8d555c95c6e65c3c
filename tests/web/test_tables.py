"""What the pages repeat of the rooms' tables is what the rooms say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lineshaft.guard.roles import ACTIONS, needed
from lineshaft.maintain.codes import LISTS
from lineshaft.maintain.steps import STEPS, WAITS, possible
from tests.doors.rest.test_matrix import COMMANDS

WEB = Path(__file__).parents[2] / "web" / "src"
LOCALES = {name: json.loads((WEB / "locales" / f"{name}.json").read_text("utf-8")) for name in ("en", "de")}


def words(text: str) -> list[str]:
    return re.findall(r"'([\w.*-]+)'", text)


def block(file: str, begin: str, end: str) -> str:
    text = (WEB / file).read_text("utf-8")
    return text[text.index(begin) : text.index(end, text.index(begin))]


def test_the_ladder_of_roles_is_the_gates():
    rows = re.findall(r"\['(\w+)', \[([^\]]*)\]\]", block("app/permissions.ts", "const LADDER", "as const"))
    assert {role: tuple(words(actions)) for role, actions in rows} == {role.value: actions for role, actions in ACTIONS.items()}


ASKED: dict[str, str] = {
    "alarms.acknowledge": r"alarms/\{alarm\}/(acknowledge|reset)",
    "alarms.shelve": r"alarms/\{alarm\}/(shelve|unshelve)",
    "alarm-service.take-out": r"alarms/\{alarm\}/(out-of-service|return-to-service)",
    "rationalisation.add": r"alarms/\{alarm\}/rationalisation",
    "findings.label": r"findings/[^/]+/label",
    "condition.edit": r"condition/(check|positions|positions/import|positions/[^/]+|positions/[^/]+/take-off)",
    "condition.acknowledge": r"condition/positions/[^/]+/acknowledge",
    "condition.return": r"condition/positions/[^/]+/return",
    "condition.record": r"condition/(positions/[^/]+/(measure|records)|channels)",
    "models.edit": r"(anomaly-models|anomaly-fleets|anomaly-labels|life|models)(/.*)?(?<!/predict)",
    "models.predict": r"models/[^/]+/predict",
}
"""What the pages of alarms, condition and models ask the reader's role for, and the routes they call then."""


def test_what_the_pages_of_detect_offer_a_role_may_do():
    """A button that is shown leads to no 403, and none is hidden from who may press it."""
    names = ("Alarm*", "Condition*", "Model*", "Life", "OwnModels", "Finding*")
    files = [file for name in names for folder in ("pages", "parts") for file in (WEB / folder).glob(f"{name}.tsx")]
    asked = {action for file in files for action in re.findall(r"useMay\('([\w.-]+)'\)", file.read_text("utf-8"))}
    assert asked == set(ASKED)
    for action, pattern in ASKED.items():
        called = [row for row in COMMANDS if re.fullmatch(pattern, row[1].partition("?")[0])]
        assert called, action
        assert {(row[1], row[3]) for row in called} == {(row[1], needed(action)) for row in called}


def test_the_pages_offer_only_steps_an_order_can_take():
    rows = re.findall(r"(\w+): \[([^\]]*)\]", block("pages/Order.tsx", "export const STEPS", "};"))
    offered = {state: set(words(verbs)) for state, verbs in rows}
    assert offered
    assert {state: verbs - set(possible(state)) for state, verbs in offered.items()} == {state: set() for state in offered}
    assert set().union(*offered.values()) <= set(STEPS)


def test_the_closing_codes_are_the_rooms_and_have_words_in_both_languages():
    rows = re.findall(r"(\w+): \[([^\]]*)\]", block("parts/StepDialog.tsx", "const CODES", "as const"))
    for name, codes in rows:
        assert words(codes) == list(LISTS[name])
        for texts in LOCALES.values():
            assert set(texts["code"][name]) == set(LISTS[name])
    assert words(block("parts/StepDialog.tsx", "const WAITS", "as const")) == list(WAITS)


def test_every_task_of_our_processes_has_words_in_both_languages():
    tasks: set[str] = set()
    for file in (WEB.parents[1] / "src" / "lineshaft" / "act" / "processes").glob("*.yaml"):
        tasks |= set(re.findall(r"^  - id: (\w+)", file.read_text("utf-8"), re.MULTILINE))
    assert tasks
    for texts in LOCALES.values():
        known: dict[str, Any] = texts["task"]
        assert tasks <= set(known)
