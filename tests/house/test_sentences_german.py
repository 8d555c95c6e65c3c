"""What the server says on pages is said in German too: every sentence of the rooms named here has its German pattern."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lineshaft"
GERMAN: dict[str, str] = json.loads((ROOT / "web" / "src" / "locales" / "sentences.de.json").read_text("utf-8"))
WORDS: dict[str, dict[str, str]] = json.loads((ROOT / "web" / "src" / "locales" / "de.json").read_text("utf-8"))
PROCESSES = sorted((SOURCE / "act" / "processes").glob("*.yaml"))
ROOMS = (
    "connect/sources/*/*.py",
    "connect/poll.py",
    "connect/broker.py",
    "connect/gateway.py",
    "detect/fleet/*.py",
    "detect/heavy/[!s]*.py",
    "detect/life/[!_]*.py",
    "detect/positions/*.py",
    "detect/registry/*.py",
    "detect/vibration/*.py",
    "detect/vibration/records/*.py",
    "detect/anomaly/quality.py",
)
"""Where every sentence must be known; others may be."""
_UNSHOWN = (
    r"\[\[sources\]\]|SET TRANSACTION|PRAGMA|Node Control|Device Control",
    "Connection failure|Connection lost|Invalid reply|timed out|Routing failure",
    "type id|message type|diagnostics|additional header|longer than its|longer than the|without a binary",
    r"mean over|spread over|against its own|^\{0\} (from|to|rows) |DB\{0\} byte|lineshaft life|LightGBM|pip install",
    "^write |^give |^name (it|a)|one of|a model of|this version|this is no|this is not a table|no method|a cap of|a length",
    r"no rows|no row|no column says|is no quality|no topic filter|knows \{topic\}|no group id|for \{0\}|more than \{1\}",
    r"about \{1\}|in units of|take shorter|\(\{0\}\)",
    "^(iso zone|temperature limit|motor on|link quality|signal strength|velocity rms|vibration record|remaining life.*)$",
    r"^(Sensor position|Temperature deviation|own models.*|-r requirements.txt)$|^import json|^from lineshaft|\[condition\] in",
)
NOT_SHOWN = re.compile("|".join(_UNSHOWN))
"""Words that no page shows: of the wire, of a printed object, or of a call from Python that is told what it gave."""


def templates(path: Path) -> Iterator[str]:
    """Yield the texts of a module with their blanks numbered, but no docstrings, descriptions and log lines."""
    tree = ast.parse(path.read_text("utf-8"))
    left: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left.add(id(node.value))
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("Field", "Option", "re.compile", "cast") or called.startswith("log."):
                left |= {id(one) for one in ast.walk(node)}
        if isinstance(node, ast.JoinedStr):
            left |= {id(one) for one in node.values if isinstance(one, ast.Constant)}
    for node in ast.walk(tree):
        if id(node) not in left:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield _numbered(node)


def _numbered(node: ast.JoinedStr) -> str:
    blank, text = 0, ""
    for one in node.values:
        if isinstance(one, ast.Constant):
            text += str(one.value)
        else:
            text, blank = f"{text}{{{blank}}}", blank + 1
    return text


def zones() -> set[str]:
    """Return what the delivered table of zones says of its groups."""
    groups = yaml.safe_load((SOURCE / "detect" / "vibration" / "zones.yaml").read_text("utf-8"))["groups"].values()
    said = {row[name] for row in groups for name in ("name", "standard", "source")}
    return {text for text in said if re.search("[a-z]{3}", text)}


def steps() -> set[str]:
    """Return the steps of the checklists that delivered processes open orders with."""
    tasks = [task for path in PROCESSES for task in yaml.safe_load(path.read_text("utf-8"))["tasks"]]
    return {step["text"] for task in tasks for step in task.get("with", {}).get("checklist", ())}


def again() -> set[str]:
    """Return what a case notes when a finding comes again, for every kind of finding that has a word."""
    return {f"finding again: {kind}" for kind in WORDS["findingKind"]}


def counted() -> set[str]:
    """Return what is said with a number before it of values that came late or were refused."""
    texts = set(templates(SOURCE / "detect" / "machines" / "arrivals.py"))
    return {f"{{0}} {text}" for text in texts if text.startswith("values ")}


@cache
def said() -> frozenset[str]:
    return frozenset(text for path in SOURCE.rglob("*.py") for text in templates(path)) | zones() | steps() | again() | counted()


@pytest.mark.parametrize("room", ROOMS)
def test_every_sentence_of_a_room_is_known_in_german(room: str):
    words = {text for path in SOURCE.glob(room) if path.name != "options.py" for text in templates(path)}
    sentences = {text for text in words if len(re.findall(r"[a-zA-Z']{2,}", text)) > 1 and " " in text.strip()}
    assert sorted(text for text in sentences if text not in GERMAN and not NOT_SHOWN.search(text)) == []


def test_what_is_delivered_with_a_plant_is_known_in_german():
    assert sorted((zones() | steps() | again()) - set(GERMAN)) == []


def test_every_delivered_process_has_its_words():
    for path in PROCESSES:
        process = yaml.safe_load(path.read_text("utf-8"))
        assert process["process"] in WORDS["process"], path.name
        assert process["kpi"]["name"] in WORDS["kpiName"], path.name
        assert process["kpi"]["unit"] in {"h", "share", *WORDS["kpiUnit"]}, path.name
        assert {step["step"] for step in process["before"]} <= set(WORDS["beforeStep"]), path.name
        assert {task["id"] for task in process["tasks"]} <= set(WORDS["task"]), path.name


def test_no_german_sentence_is_of_something_that_is_not_said_any_more():
    assert sorted(set(GERMAN) - said()) == []
