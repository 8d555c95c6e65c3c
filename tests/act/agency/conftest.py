"""Agents at work in the small plant of the tests of act; their models are scripted, none is a real one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from lineshaft.act import Act, ActSettings, AgentsSettings, Reach
from lineshaft.core import Database
from lineshaft.guard import Command, Role, Subject
from tests.act.conftest import Plant

ERNA = Subject("erna", "erna", "person", frozenset({Role.ENGINEER}), "Erna")
LOCAL = AgentsSettings.model_validate(
    {"endpoints": {"local": {"url": "http://127.0.0.1:9/v1", "model": "scripted", "input_price": 2.0, "output_price": 8.0}}}
)


class Script:
    """A scripted model: for each question of a run the next step, a tool call or the answer. No model is real."""

    def __init__(self, *steps: Any) -> None:
        self.steps, self.asked = list(steps), 0
        self.seen: list[str] = []
        self.entered, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def __call__(self, _endpoint: Any, _name: str) -> Any:
        from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelResponse, TextPart, ToolCallPart
        from pydantic_ai.models.function import FunctionModel

        async def answer(messages: Any, info: Any) -> Any:
            import asyncio

            self.seen.append(ModelMessagesTypeAdapter.dump_json(messages).decode())
            self.entered.set()
            while not self.gate.is_set():  # noqa: ASYNC110 - the test opens the gate from another thread
                await asyncio.sleep(0.01)
            said = sum(1 for message in messages if isinstance(message, ModelResponse))
            step = self.steps[min(said, len(self.steps) - 1)]
            self.asked += 1
            if callable(step):
                step = step(messages)
            if isinstance(step, Exception):
                raise step
            if isinstance(step, str):
                return ModelResponse(parts=[TextPart(step)])
            name, arguments = step
            name = info.output_tools[0].name if name == "answer" else name
            return ModelResponse(parts=[ToolCallPart(name, arguments, tool_call_id=f"call-{said}")])

        return FunctionModel(answer, model_name="scripted")


class AgentPlant(Plant):
    """The small plant with agents."""

    def __init__(self, db: Database, home: Path, agents: AgentsSettings = LOCAL, **values: Any) -> None:
        super().__init__(db, home, **values)
        self.act.stop()
        self.act = Act(
            *(home, db, self.guard, self.orders, self.spares, self.purchases, self.detect, ActSettings(), self.bus),
            agents=agents,
            reach=Reach(self.guard, self.assets, self.orders, self.spares, self.detect),
        )
        self.bus.__init__()
        self.act.listen()

    def do(self, action, run, by=ERNA, resource="agents"):
        return self.guard.perform(Command(by, action, resource), lambda tx: run(tx) or {})

    def hire(self, name="buyer", job="purchaser", **values):
        return self.do("agents.edit", lambda tx: self.act.agency.register.hire(tx, name, job, ERNA, **values))

    def script(self, *steps) -> Script:
        made = Script(*steps)
        self.act.staff.crew.open_model = made
        return made

    def runs(self, **which):
        return self.act.staff.runs.list(**which)


COMPLEX = ("does: purchase.propose", "does: purchase.propose\n    complexity: high")


@pytest.fixture
def agent_plant(tmp_path: Path):
    """A plant on SQLite whose purchase task is complex enough for an agent; the engine runs."""
    db = Database(f"sqlite:///{tmp_path / 'agents.db'}")
    made = AgentPlant(db, tmp_path)
    made.stock()
    made.process(COMPLEX)
    made.act.start_engine()
    yield made
    made.act.stop()
    db.close()
