from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft import act
from lineshaft.act import ACTIONS, read_process
from lineshaft.act.process import Processes, look_at, thaw
from lineshaft.core import ConfigError

CASES = sorted((Path(__file__).parent / "cases").iterdir())
BUILT_IN = Path(act.__file__).parent / "processes"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_wrong_definition_is_named_with_its_line(case):
    with pytest.raises(ConfigError) as wrong:
        read_process(case / "process.yaml", ACTIONS)
    assert (case / "problem.txt").read_text().strip() in str(wrong.value)


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*.yaml")), ids=lambda path: path.stem)
def test_built_in_processes_are_right_and_survive_being_kept_with_a_case(path):
    process = read_process(path, ACTIONS)
    kept = thaw(process.plain())
    assert (kept.tasks, kept.start, kept.one_open_case_per) == (process.tasks, process.start, process.one_open_case_per)
    assert process.kpi is not None
    assert process.kpi.baseline is not None
    assert process.before


def test_a_wrong_file_stops_no_other_and_the_last_good_version_stays(tmp_path):
    text = (BUILT_IN / "maintenance.yaml").read_text()
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("version: 1", "version: 7"))
    processes = Processes([BUILT_IN, tmp_path], ACTIONS)
    assert processes.reload() == []
    assert processes.known["maintenance"].version == 7
    own.write_text(text.replace("version: 1", "version: 8").replace("triage.rule", "triage.role"))
    (problem,) = processes.reload()
    assert "did you mean 'triage.rule'" in str(problem)
    assert sorted(processes.known) == sorted(path.stem for path in BUILT_IN.glob("*.yaml"))


def test_events_find_their_processes(tmp_path):
    processes = Processes([BUILT_IN], ACTIONS)
    processes.reload()
    finding = {"event": "finding", "score": 0.8}
    assert [one.process for one in processes.for_event({"event": "alarm", "process": "maintenance"})] == ["maintenance"]
    assert [one.process for one in processes.for_event(finding)] == ["maintenance"]
    assert processes.for_event({**finding, "score": 0.6}) == []
    assert processes.for_event({**finding, "score": None}) == []
    assert processes.for_event({"event": "alarm", "process": "other"}) == []


def test_what_is_only_shown_cannot_break_an_open_case():
    process = read_process(BUILT_IN / "maintenance.yaml", ACTIONS)
    older = {**process.plain(), "kpi": {"name": "x", "no longer known": 1}, "before": {"a": 1}, "needs": 7}
    assert thaw(older).tasks == process.tasks


def test_everything_that_is_wrong_is_told_at_once():
    process, problems = look_at(Path(__file__).parent / "many.yaml", ACTIONS)
    assert process is not None
    assert [problem.where.rpartition(":")[2] for problem in problems] == ["9", "13", "11", "10", "12", "3"]
    assert [problems[n].hint for n in (0, 3, 4)] == [
        f"did you mean {word}?" for word in ("'work-order.create'", "'work-order.cancel'", "'technician'")
    ]


def test_the_process_of_the_how_to_is_right(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "write-a-process.md").read_text("utf-8")
    own = tmp_path / "filter-change.yaml"
    own.write_text(text.partition("```yaml\n")[2].partition("```")[0])
    process, problems = look_at(own, ACTIONS)
    assert problems == []
    assert process is not None
    assert [need.property for need in process.needs] == ["Flow", "DifferentialPressure"]
