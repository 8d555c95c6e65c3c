"""The assistant: what manuals, past orders and the machine itself say about a trouble, with the place where it is written."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from lineshaft.doors.rest.frame.asking import House, Reader, Sender
from lineshaft.doors.rest.frame.shape import Body, Id, Shape

router = APIRouter(tags=["assistant"])
Question = Annotated[str, Field(max_length=500, examples=["The pump vibrates, is it the bearing?"])]
AtAsset = Annotated[str, Field(max_length=500, examples=["Bakery/Line 1/Cooler/Coolant pump"])]


class PassageShape(Shape):
    """A passage, and where it stands."""

    number: Annotated[int, Field(examples=[1], description="How answers and checklists cite it.")]
    kind: Annotated[str, Field(examples=["document"], description="document, order or instruction")]
    id: Annotated[str, Field(examples=["7d1c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11"])]
    name: Annotated[str, Field(examples=["Coolant pump manual.pdf"])]
    place: Annotated[str, Field(examples=["page 2"], description="The page, or the title of the section.")]
    asset: AtAsset
    here: Annotated[bool, Field(examples=[True], description="It is about this very machine.")]
    text: Annotated[str, Field(examples=["If vibration exceeds 7 mm/s, check the gap of the coupling."])]


class LineShape(Shape):
    """Something to do, and where it comes from."""

    text: Annotated[str, Field(examples=["Lock out the main switch Q1"])]
    cites: Annotated[int | None, Field(examples=[1], description="Number of the passage it is copied from.")]
    source: Annotated[str, Field(examples=["Coolant pump manual.pdf"])]
    safety: Annotated[bool, Field(examples=[True])]


class AdviceShape(Shape):
    """What is known about a trouble; no language model was asked."""

    asset: AtAsset
    question: Question
    passages: list[PassageShape]
    checklist: list[LineShape]
    values: Annotated[list[dict[str, Any]], Field(examples=[[]], description="Newest values of the machine.")]
    alarms: Annotated[list[dict[str, Any]], Field(examples=[[]])]
    orders: Annotated[list[dict[str, Any]], Field(examples=[[]], description="Past orders, the most alike first.")]
    ready: Annotated[bool, Field(examples=[True], description="False while new documents are still being read.")]
    guide: Annotated[str | None, Field(examples=["guide"], description="The agent that would word an answer, if there is one.")]


class AskBody(Body):
    """A question for the agent that words answers."""

    question: Question
    asset: AtAsset = ""


class AnswerAsked(Shape):
    """The agent is at work."""

    id: Id


class AnswerShape(Shape):
    """An answer an agent worded from passages; `cites` are those that there are."""

    id: Id
    state: Annotated[str, Field(examples=["done"], description="queued, running, done, fell or stopped")]
    why: Annotated[str, Field(examples=[""])]
    agent: Annotated[str, Field(examples=["guide"])]
    answer: Annotated[str, Field(examples=["Lock out Q1 first [1]."])]
    steps: Annotated[list[str], Field(examples=[["Lock out Q1 [1]"]])]
    cites: Annotated[list[int], Field(examples=[[1]])]
    passages: list[PassageShape]


@router.get("/assistant")
def advise(
    rooms: House,
    subject: Reader,
    question: Annotated[Question, Query()] = "",
    asset: Annotated[AtAsset, Query()] = "",
) -> AdviceShape:
    """Find what is written about a trouble, what helped before, what stands now, and make a checklist of it."""
    found = rooms.act.assistant.advise(subject, question, asset)
    lines = [{**line, "source": line["from"]} for line in found["checklist"]]
    return AdviceShape.model_validate({**found, "checklist": lines, "guide": rooms.act.staff.guide()})


@router.post("/assistant/ask", status_code=202)
def ask(sender: Sender, body: AskBody) -> AnswerAsked:
    """Have an agent word an answer from the passages that you may see; see GET assistant/answers/{id}."""
    rooms = sender.rooms
    found = rooms.act.assistant.advise(sender.subject, body.question, body.asset)

    def run(tx: Any) -> dict[str, Any]:
        said = {name: found[name] for name in ("asset", "passages", "values", "alarms")}
        return {"id": rooms.act.staff.ask_guide(tx, sender.subject, body.question, **said)["id"]}

    made = sender.do("agents.ask", "agent:guide", body.model_dump(), run, found["asset"])
    return AnswerAsked.model_validate(made)


@router.get("/assistant/answers/{run_id}")
def answer(rooms: House, subject: Reader, run_id: str) -> AnswerShape:
    """Show an answer, or that it is not there yet; only to the one who asked."""
    row = rooms.act.staff.answer(run_id, subject)
    passages = row["input"].get("passages", [])
    known = {one["number"] for one in passages}
    output = row["output"]
    cites = [number for number in output.get("cites", []) if number in known]
    shown = {"answer": output.get("answer", ""), "steps": output.get("steps", []), "cites": cites, "passages": passages}
    return AnswerShape.model_validate({**row, **shown})
