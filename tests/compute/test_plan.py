from __future__ import annotations

from tests.compute.node import Node

GOOD = """
model: Pump
properties:
  - {name: Current, kind: measurement, type: double}
  - {name: Mode, kind: measurement, type: string}
  - {name: Twice, kind: transform, formula: "current * 2", inputs: {current: Current}}
"""
BAD = """
model: Valve
version: 1
properties:
  - {name: Flow, kind: measurement, type: double}
  - {name: Typo, kind: transform, formula: "sqr(flow)", inputs: {flow: Flow}}
  - {name: Text, kind: transform, formula: "'a' + flow", inputs: {flow: Flow}}
  - {name: Mean, kind: transform, formula: "avg(flow)", inputs: {flow: Flow}}
  - {name: One, kind: transform, formula: "b + flow", inputs: {b: Two, flow: Flow}}
  - {name: Two, kind: transform, formula: "c + 1", inputs: {c: Three}}
  - {name: Three, kind: transform, formula: "a + 1", inputs: {a: One}}
  - {name: After, kind: transform, formula: "a + flow", inputs: {a: One, flow: Flow}}
  - {name: Fine, kind: transform, formula: "flow + 1", inputs: {flow: Flow}}
  - {name: Minute, kind: metric, formula: "avg(flow)", inputs: {flow: Flow}, window: 1m}
  - {name: Late, kind: transform, formula: "m + flow", inputs: {m: Minute, flow: Flow}}
oee: {state: Stat, states: {1: running}}
"""
PLANT = """
assets:
  - {name: P, model: Pump, source: s, tag_prefix: "P/"}
  - {name: V, model: Valve, source: s, tag_prefix: "V/"}
  - {name: W, model: Valve, source: s, tag_prefix: "W/"}
"""


def build(tmp_path, bad=BAD):
    config = tmp_path / "config"
    (config / "models").mkdir(parents=True, exist_ok=True)
    (config / "models" / "pump.yaml").write_text(GOOD)
    (config / "models" / "valve.yaml").write_text(bad)
    (config / "plant.yaml").write_text(PLANT)
    return config


def test_a_wrong_formula_is_told_with_its_place_and_stops_nothing_else(tmp_path):
    from lineshaft.core import samples

    with Node(tmp_path / "home", build(tmp_path)) as node:
        problems = {p.property.rsplit("/", 1)[-1]: p for p in node.compute.problems()}
        assert set(problems) == {"Typo", "Text", "Mean", "One", "Two", "Three", "Late", "Valve"}
        assert problems["Typo"].where == "models/valve.yaml:6"
        assert (problems["Typo"].position, problems["Typo"].hint) == (0, "did you mean 'sqrt'?")
        assert "gives a text" in problems["Text"].what
        assert "wait for each other" in problems["Two"].what
        assert "'Stat' is not a property" in problems["Valve"].what
        told = [e for e in node.told if e.key.startswith("compute:")]
        assert len(told) == len(problems)
        assert "(character 1)" in next(e.message for e in told if "Typo" in e.key)
        node.arrive(
            "s",
            samples([{"tag": f"{a}/{t}", "ts": 5, "value": 2.0} for a, t in (("P", "Current"), ("V", "Flow"), ("W", "Flow"))]),
        )
        assert node.values("P/Twice") == {5: 4.0}
        assert node.values("W/Fine") == {5: 3.0}


def test_a_mended_formula_is_compiled_and_its_message_ends(tmp_path):
    with Node(tmp_path / "home", build(tmp_path)) as node:
        build(tmp_path, BAD.replace("sqr(flow)", "sqrt(flow)").replace("version: 1", "version: 2"))
        node.assets.load(tmp_path / "config")
        node.compute.reload()
        assert "Typo" not in {p.property.rsplit("/", 1)[-1] for p in node.compute.problems()}
        assert any("Typo" in e.key and not e.active for e in node.told)
        assert [v.model_version for v in node.compute.versions("V/Fine")] == [1, 2]


def test_machines_with_the_same_formula_are_one_evaluation(tmp_path):
    with Node(tmp_path / "home", build(tmp_path)) as node:
        sizes = sorted(group.size for level in node.compute.plan.transforms for group in level)
        assert sizes == [1, 2, 2]


TRAP = """
model: Press
properties:
  - {name: X, kind: measurement}
  - {name: Run_1Min, kind: metric, unit: s, window: 1m, formula: "statetime(x)", inputs: {x: X}}
  - {name: Share, kind: metric, window: 8h, formula: "run / 28800", inputs: {run: Run_1Min}}
  - {name: Summed, kind: metric, window: 8h, formula: "sum(run) / 28800", inputs: {run: Run_1Min}}
  - {name: Minute, kind: metric, window: 1m, formula: "run / 60", inputs: {run: Run_1Min}}
  - {name: Time, kind: transform, formula: "statetime(x)", inputs: {x: X}}
"""


def test_a_minute_over_the_length_of_a_shift_is_refused(tmp_path):
    config = tmp_path / "config"
    (config / "models").mkdir(parents=True)
    (config / "models" / "press.yaml").write_text(TRAP)
    (config / "plant.yaml").write_text("assets:\n  - {name: P, model: Press, source: s, tag_prefix: 'P/'}\n")
    with Node(tmp_path / "home", config) as node:
        problems = {p.property.rsplit("/", 1)[-1]: p for p in node.compute.problems()}
        assert set(problems) == {"Share", "Time"}
        assert "the last of them only" in problems["Share"].what
        assert "sum(run)" in problems["Share"].hint
        assert problems["Time"].hint == "make the property a metric with a window"
