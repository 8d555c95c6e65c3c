"""The assistant over REST; its guide is a scripted model here, none is real."""

from __future__ import annotations

import time

import pytest

from lineshaft.act.agency import Endpoint
from tests.act.agency.conftest import Script
from tests.doors.conftest import PUMP, House


@pytest.fixture(scope="module")
def told(house: House):
    text = b"# Vibration\n1. Lock out Q1\n2. Check the coupling\n"
    answer = house.ask("POST", "documents", files={"file": ("manual.md", text, "text/markdown")}, data={"about": PUMP})
    assert answer.status_code == 201
    house.rooms.act.assistant.start()
    house.rooms.act.staff.crew.start()
    yield house
    house.rooms.act.assistant.stop()
    house.rooms.act.staff.crew.stop()


def test_passages_and_a_checklist_without_any_model(told: House):
    found = told.get("assistant", "viewer", params={"question": "the pump vibrates", "asset": PUMP})
    assert found["passages"][0]["place"] == "Vibration"
    assert found["checklist"][0] == {"text": "Lock out Q1", "cites": 1, "source": "manual.md", "safety": True}
    assert found["guide"] is None
    refused = told.post("assistant/ask", {"question": "the pump vibrates", "asset": PUMP}, "operator")
    assert (refused.status_code, refused.json()["code"]) == (404, "agent.endpoint")


def test_an_agent_words_the_answer_and_cites_only_what_there_is(told: House):
    staff = told.rooms.act.staff
    staff.settings.endpoints["local"] = Endpoint(url="http://127.0.0.1:9/v1", model="scripted")
    said = {"answer": "Lock out Q1 first [1]. Pray [77].", "steps": ["Lock out Q1 [1]"], "cites": [1, 77]}
    staff.crew.open_model = Script(("answer", said))
    assert told.post("agents", {"name": "guide", "job": "guide"}).status_code == 201
    assert told.get("assistant", params={"question": "vibration", "asset": PUMP})["guide"] == "guide"
    asked = told.post("assistant/ask", {"question": "vibration", "asset": PUMP}, "operator")
    assert asked.status_code == 202, asked.text
    path = f"assistant/answers/{asked.json()['id']}"
    end = time.monotonic() + 30
    while (answer := told.get(path, "operator"))["state"] in {"queued", "running"}:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert (answer["state"], answer["cites"]) == ("done", [1])
    assert answer["passages"][0]["text"].startswith("1. Lock out Q1")
    assert told.ask("GET", path, "viewer").status_code == 404  # another one's question
    staff.settings.endpoints.clear()
