from __future__ import annotations

from pathlib import Path

import pytest

from lineshaft import act
from lineshaft.act import ACTIONS, read_process
from lineshaft.act.process import Processes, thaw
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
    assert thaw(process.plain()) == process
    assert process.kpi["name"]
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
    assert sorted(processes.known) == ["maintenance", "quality-hold"]


def test_events_find_their_processes(tmp_path):
    processes = Processes([BUILT_IN], ACTIONS)
    processes.reload()
    finding = {"event": "finding", "score": 0.8}
    assert [one.process for one in processes.for_event({"event": "alarm", "process": "maintenance"})] == ["maintenance"]
    assert [one.process for one in processes.for_event(finding)] == ["maintenance"]
    assert processes.for_event({**finding, "score": 0.6}) == []
    assert processes.for_event({**finding, "score": None}) == []
    assert processes.for_event({"event": "alarm", "process": "other"}) == []
