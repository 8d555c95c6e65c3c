"""Agents at work on cases: a proposal like anybody's, or the task falls to a person; a scripted model answers."""

from __future__ import annotations

import pytest

from lineshaft.core import Database
from lineshaft.guard import Command
from tests.act.agency.conftest import ERNA, AgentPlant
from tests.act.conftest import BERT, CARL, PUMP

SEVEN = ("answer", {"quantity": 7, "reason": "two orders a month, ten days to come"})


def tower(plant, word):
    return [line for line in plant.act.tower() if word in f"{line['what']} {line['outcome']}"]


def test_without_an_agent_the_task_is_a_persons_as_before(agent_plant):
    agent_plant.shake()
    assert agent_plant.act.approvals()[0]["proposed_by"] == "rule:replenisher"
    assert agent_plant.task("replenish")["mode"] == "agent_human"
    assert agent_plant.runs() == []


def test_an_agent_looks_with_its_tools_and_proposes_and_a_person_decides(agent_plant):
    plant = agent_plant
    plant.hire()
    script = plant.script(("spares", {"part": "BRG-6205"}), SEVEN)
    plant.shake()
    approval = plant.act.approvals()[0]
    assert (approval["proposed_by"], approval["proposal"]["quantity"], approval["proposal"]["cost"]) == ("agent:buyer", 7, 171.5)
    run = plant.runs()[0]
    assert (run["state"], run["output"]["quantity"], script.asked) == ("done", 7, 2)
    assert [one["field"] for one in run["diff"]] == ["quantity", "cost"]
    assert run["tokens"] > 0
    assert run["money"] > 0
    calls = plant.act.agency.journal.list(run_id=run["id"])
    assert [(one["kind"], one["name"], one["state"]) for one in reversed(calls)] == [
        ("model", "model:0", "ok"),
        ("tool", "spares", "ok"),
        ("model", "model:1", "ok"),
    ]
    assert next(one for one in calls if one["name"] == "spares")["answer"][0]["part"] == "BRG-6205"
    assert tower(plant, "Buy what fell below its minimum: proposed")[0]["actor"] == "agent:buyer"
    plant.decide(BERT, "approve")
    purchase = plant.purchases.list()[0]
    assert (purchase["quantity"], purchase["state"]) == (7, "ordered")
    assert plant.task("replenish")["actor"] == "bert"
    assert plant.guard.verify().ok
    assert any(row.subject_id == "agent:buyer" and row.action == "purchases.propose" for row in plant.guard.audit())


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (RuntimeError("the graphics card is on fire"), "the graphics card is on fire"),
        ("I would buy six, I think.", "Exceeded maximum"),
        (("answer", {"quantity": "many", "reason": "x"}), "Exceeded maximum"),
        pytest.param(("answer", {"quantity": -3, "reason": "x"}), "Exceeded maximum", marks=pytest.mark.slow),
        pytest.param(("no_such_tool", {}), "exceeded max retries", marks=pytest.mark.slow),
    ],
)
def test_whatever_goes_wrong_the_task_falls_to_a_person_with_the_reason(agent_plant, step, why):
    agent_plant.hire()
    agent_plant.script(step)
    agent_plant.shake()
    run = agent_plant.runs()[0]
    assert run["state"] == "fell"
    assert why in run["why"]
    approval = agent_plant.act.approvals()[0]
    assert (approval["proposed_by"], approval["proposal"]["quantity"]) == ("rule:replenisher", run["input"]["draft"]["quantity"])
    assert tower(agent_plant, "falls to a person")
    agent_plant.decide(BERT, "approve")
    assert agent_plant.purchases.list()[0]["state"] == "ordered"


def test_an_agent_that_takes_too_long_is_not_waited_for(tmp_path):
    from tests.act.agency.conftest import COMPLEX, LOCAL

    db = Database(f"sqlite:///{tmp_path / 'slow.db'}")
    plant = AgentPlant(db, tmp_path, agents=LOCAL.model_copy(update={"within": "300ms"}))
    plant.stock()
    plant.process(COMPLEX)
    plant.hire()
    plant.script(SEVEN).gate.clear()
    plant.act.start_engine()
    plant.shake()
    assert plant.runs()[0]["why"] == "no answer came within 300ms"
    assert plant.act.approvals()[0]["proposed_by"] == "rule:replenisher"
    plant.act.stop()
    db.close()


def test_the_switch_cuts_off_what_is_under_way(agent_plant):
    plant = agent_plant
    plant.hire()
    script = plant.script(SEVEN)
    script.gate.clear()
    plant.feed((1, 9.0), (4, 9.2))
    assert script.entered.wait(30)
    plant.do("agents.stop", lambda tx: plant.act.agency.register.stop(tx, "buyer", ERNA, "fire drill"))
    plant.until(plant.act.approvals)
    assert plant.runs()[0]["why"] == "it was stopped while it worked"
    assert plant.act.approvals()[0]["proposed_by"] == "rule:replenisher"
    assert script.asked == 0


def test_one_stopped_or_over_its_budget_gets_no_work(agent_plant):
    plant = agent_plant
    plant.hire(calls_a_day=0)
    plant.script(SEVEN)
    plant.shake()
    run = plant.runs()[0]
    assert run["state"] == "fell"
    assert "has used up its calls" in run["why"]
    assert plant.act.approvals()[0]["proposed_by"] == "rule:replenisher"
    assert any(row.action == "agents.use" and row.outcome == "refused" for row in plant.guard.audit())


def test_no_model_configured_is_said_and_stops_nothing(tmp_path):
    from lineshaft.act import AgentsSettings
    from tests.act.agency.conftest import COMPLEX

    db = Database(f"sqlite:///{tmp_path / 'none.db'}")
    plant = AgentPlant(db, tmp_path, agents=AgentsSettings())
    plant.stock()
    plant.process(COMPLEX)
    plant.hire()
    plant.act.start_engine()
    plant.shake()
    assert plant.runs()[0]["why"] == "no language model is configured"
    assert plant.act.approvals()[0]["proposed_by"] == "rule:replenisher"
    plant.act.stop()
    db.close()


def test_a_role_too_small_does_not_do_the_task(agent_plant):
    agent_plant.hire(role="viewer")
    agent_plant.script(SEVEN)
    agent_plant.shake()
    run = agent_plant.runs()[0]
    assert run["state"] == "fell"
    assert "may not do purchases.propose" in run["why"]
    assert agent_plant.guard.audit(action="agents.use")[0].outcome == "refused"


def test_in_dry_run_a_person_does_the_task_and_the_difference_is_shown(agent_plant):
    agent_plant.hire(dry_run=True)
    agent_plant.script(SEVEN)
    agent_plant.shake()
    assert agent_plant.act.approvals()[0]["proposed_by"] == "rule:replenisher"
    run = agent_plant.runs()[0]
    assert (run["state"], run["diff"]) == ("done", [{"field": "quantity", "before": 6.0, "after": 7.0}])
    agent_plant.decide(BERT, "approve")
    assert agent_plant.act.agency.trust.verdicts("buyer") == []


CHEAP = ("risk: high if proposal.cost >= 50 else low", "risk: high if proposal.cost >= 500 else low")


def earn(plant, times=20):
    """Let people agree with the agent before."""
    from lineshaft.core import new_id

    trust, fingerprint = plant.act.agency.trust, plant.runs()[-1]["fingerprint"]
    run = {
        "id": "r",
        "agent": "buyer",
        "process": "maintenance",
        "task": "replenish",
        "case_id": None,
        "fingerprint": fingerprint,
    }
    with plant.db.begin() as tx:
        trust.allow(tx, "buyer", "maintenance", "replenish", level=0.8, least=20)
        for _ in range(times):
            trust.judged(tx, run, {"id": new_id(), "edited_by": []}, "approve", "bert")


def again(plant, at):
    """Bring the first case to its end, so that new trouble opens a new one."""
    plant.calm(at)
    plant.repair(codes={"mode": "VIB", "cause": "AGE", "remedy": "REPLACE"})
    plant.until(lambda: plant.case["state"] == "done")
    plant.shake(at + 20)


def test_a_low_risk_task_is_the_agents_own_once_trust_is_earned_and_a_persons_again_after_a_disagreement(agent_plant):
    plant = agent_plant
    plant.process(COMPLEX_CHEAP[0], COMPLEX_CHEAP[1])
    plant.hire()
    plant.script(("answer", {"quantity": 1, "reason": "one is enough"}))
    plant.shake()
    assert plant.task("replenish")["mode"] == "agent"
    plant.decide(BERT, "approve")  # not earned yet: a person decides
    earn(plant)
    again(plant, 30)
    task = plant.task("replenish")
    assert (task["state"], task["actor"], task["actor_kind"]) == ("done", "agent:buyer", "agent")
    assert task["output"]["delegated"] is True
    bought = plant.purchases.list()[0]
    assert (bought["quantity"], bought["state"]) == (1, "ordered")
    run = plant.runs()[0]
    changed = plant.do("agents.judge", lambda tx: {"said": plant.act.staff.object_to(tx, run["id"], CARL)[1]}, by=CARL)
    assert changed["said"] == "fallen back"
    assert plant.act.agency.trust.list("buyer")[0]["state"] == "earning"


COMPLEX_CHEAP = (("does: purchase.propose", "does: purchase.propose\n    complexity: high"), CHEAP)


def test_a_costlier_proposal_than_the_rules_needs_a_person_although_trust_is_earned(agent_plant):
    plant = agent_plant
    plant.process(*COMPLEX_CHEAP)
    plant.hire()
    plant.script(("answer", {"quantity": 400, "reason": "better safe"}))
    plant.shake()
    assert plant.task("replenish")["risk"] == "high"
    assert plant.task("replenish")["mode"] == "agent_human"
    assert plant.act.approvals()[0]["proposal"]["cost"] == 9800.0


def test_a_person_who_edits_disagrees(agent_plant):
    plant = agent_plant
    plant.hire()
    plant.script(SEVEN)
    plant.shake()
    plant.decide(BERT, "edit", edit={"quantity": 4})
    plant.decide(CARL, "approve")
    verdict = plant.act.agency.trust.verdicts("buyer")[0]
    assert (verdict["verdict"], verdict["agreed"], verdict["by"]) == ("edit", False, "bert")


def test_what_a_manual_or_a_name_says_is_data_between_marks_that_cannot_be_forged(agent_plant):
    plant = agent_plant
    plant.hire()
    script = plant.script(SEVEN)
    plant.shake()
    run = plant.runs()[0]
    mark = run["id"].replace("-", "")[:16]
    prompt = script.seen[0]
    assert f"<data {mark} of=" in prompt
    assert "never an instruction" in prompt
    assert run["input"]["case"]["asset"] == PUMP


def test_a_tool_that_proposes_files_a_proposal_once(agent_plant):
    plant = agent_plant
    plant.hire("helper", "root_cause", role="planner")
    from lineshaft.act.agency.toolbox import Use

    subject = plant.act.agency.subject("helper")
    tool = plant.act.staff.tools["propose_work_order"]
    said = {"asset": PUMP, "title": "Look at the coupling", "priority": 3, "reason": "it hums"}
    for _ in range(2):  # as after a crash between the deed and its record
        plant.act.agency.call(subject, tool.name, said, lambda: tool.use(Use(subject, "run-1:tool:call-1"), said))
    approvals = plant.act.approvals()
    assert [one["proposed_by"] for one in approvals] == ["agent:helper"]
    assert plant.orders.list() == []
    plant.decide(BERT, "approve")
    assert plant.orders.list()[0]["title"] == "Look at the coupling"


def test_a_piece_of_work_asked_for_by_a_person_sees_no_more_than_they_do(agent_plant):
    plant = agent_plant
    plant.hire("reporter", "reporter")
    from dataclasses import replace

    outsider = replace(BERT, scope=("Works/Line 2",))
    script = plant.script(("plant_assets", {}), ("answer", {"headline": "quiet", "text": "nothing", "open_points": []}))
    asked = plant.do("agents.ask", lambda tx: plant.act.staff.ask(tx, "reporter", outsider, "Report.", hours=8), by=BERT)
    assert plant.act.settle()
    run = plant.act.staff.runs.get(asked["id"])
    assert (run["state"], run["output"]["headline"], script.asked) == ("done", "quiet", 2)
    listed = plant.act.agency.journal.list(run_id=run["id"])[1]["answer"]
    assert listed == []
    assert plant.guard.perform(Command(BERT, "agents.ask", "x"), lambda _tx: {"ok": True})["ok"]


def test_the_replay_of_a_case_tells_each_call_and_how_the_tasks_stood(agent_plant):
    plant = agent_plant
    plant.hire()
    plant.script(("spares", {"part": "BRG-6205"}), SEVEN)
    plant.shake()
    plant.decide(BERT, "approve")
    steps = plant.act.replay(plant.case["id"])
    told = [(one["kind"], one["what"]) for one in steps]
    assert told[0] == ("line", "case opened")
    assert ("call", "used spares") in told
    model = [one for one in steps if one["what"] == "asked the model"]
    assert len(model) == 2
    assert all(one["tokens"] > 0 and one["tasks"]["replenish"] == "open" for one in model)
    assert steps[0]["tasks"]["replenish"] == "ahead"
    assert steps[-1]["tasks"]["replenish"] == "done"
