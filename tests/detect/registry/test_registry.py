"""Own models on a real node: of every kind, apart, refused with a way out, and scoring into asset properties."""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lineshaft.core import NS, Conflict, InvalidInput, NotFound
from lineshaft.detect import from_mlflow, to_mlflow
from lineshaft.detect.registry import serving
from tests.detect.registry.conftest import MINUTE, OVEN, TEXT, lightgbm_model, onnx_model, sklearn_model

NAMES = ["temperature", "speed"]
ROW = {"temperature": [220.0, 210.0], "speed": [2.0, 3.0]}


@pytest.mark.parametrize(
    ("kind", "make", "close"),
    [
        ("onnx", onnx_model, 1e-3),
        ("lightgbm", lightgbm_model, 12),
        ("sklearn", sklearn_model, 1e-6),
        ("python", lambda: TEXT, 1e-9),
    ],
)
def test_every_kind_is_registered_and_served(node, kind, make, close):
    node.create()
    content = make()
    version = node.register(kind, content, inputs=[] if kind in {"lightgbm", "python"} else NAMES)
    assert version["inputs"] == NAMES
    assert version["sha256"] == hashlib.sha256(content).hexdigest()
    assert version["trusted_by"] == ("eva" if kind in {"sklearn", "python"} else None)
    number, said = node.registry.predict("quality", ROW, 1)
    assert number == 1
    output = version["outputs"][0]
    assert said[output] == pytest.approx(np.array([200.0, 180.0]), abs=close)
    _, turned = node.registry.predict("quality", dict(reversed(ROW.items())), 1)
    assert turned[output].tolist() == said[output].tolist(), "inputs go by name, not by order"


def test_an_onnx_graph_with_an_input_a_column_names_them_itself(node):
    node.create()
    version = node.register("onnx", onnx_model(names=True))
    assert version["inputs"] == NAMES
    assert node.registry.predict("quality", ROW, 1)[1]["quality"] == pytest.approx([200.0, 180.0])


class Trap:
    """What a bad pickle does when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_a_pickle_that_nobody_trusts_is_never_opened(node, tmp_path):
    node.create()
    content = pickle.dumps(Trap(tmp_path / "opened"))
    digest = hashlib.sha256(content).hexdigest()
    for told in ({"trust": False, "sha256": digest}, {"trust": True, "sha256": ""}, {"trust": True, "sha256": "0" * 64}):
        with pytest.raises(InvalidInput) as refused:
            node.register("sklearn", content, **told)
        assert refused.value.code in {"registry.untrusted", "registry.hash"}
        assert refused.value.hint
    assert not (tmp_path / "opened").exists()
    for kind in ("onnx", "lightgbm"):
        with pytest.raises(InvalidInput, match="this is no"):
            node.register(kind, content, trust=False, sha256="")
    assert not (tmp_path / "opened").exists(), "safe kinds read no pickle"
    with pytest.raises(InvalidInput, match="no predict"):
        node.register("sklearn", content)
    assert (tmp_path / "opened").exists(), "a trusted one runs: the risk is real"
    assert node.registry.book.versions(node.registry.book.model("quality")["id"]) == []


def test_a_model_that_dies_or_hangs_takes_nobody_with_it(node):
    node.create()
    node.register("python", b"import os\nINPUTS=['a']\ndef predict(columns):\n    os._exit(3)\n")
    with pytest.raises(Conflict, match="ended by itself"):
        node.registry.predict("quality", {"a": [1.0]}, 1)
    node.register("python", b"import time\nINPUTS=['a']\ndef predict(columns):\n    time.sleep(600)\n")
    served = node.registry._served(node.registry.book.version("quality", 2))
    with pytest.raises(Conflict, match="within 0 s"):
        served.predict({"a": np.ones(1)}, seconds=0.2)
    node.register("python", b"INPUTS=['a']\ndef predict(columns):\n    return columns['a'] * columns['b']\n")
    with pytest.raises(InvalidInput, match="KeyError"):
        node.registry.predict("quality", {"a": [1.0]}, 3)
    node.register("python", b"INPUTS=['a']\ndef predict(columns):\n    return [1.0]\n")
    with pytest.raises(InvalidInput, match="has the shape"):
        node.registry.predict("quality", {"a": [1.0, 2.0]}, 4)
    assert node.registry.predict("quality", {"a": [5.0]}, 4)[1]["prediction"].tolist() == [1.0]


def test_stages_lineage_and_what_is_refused(node):
    node.create(asset=OVEN, about="share of dark cookies")
    first = node.register(
        "python", TEXT, metrics={"r2": 0.9}, start="2026-01-01T00:00:00Z", end="2026-02-01T00:00:00Z", lineage={"code": "9f3"}
    )
    second = node.register("python", TEXT + b"# newer\n", file="new.py")
    assert (first["lineage"]["after"], second["lineage"]["after"]) == (None, 1)
    assert first["lineage"]["code"] == "9f3"
    with pytest.raises(Conflict, match="in production") as told:
        node.registry.predict("quality", ROW)
    assert told.value.hint
    node.stage(1, "production")
    assert node.registry.predict("quality", ROW)[0] == 1
    node.stage(2, "production")
    stages = {row["number"]: row["stage"] for row in node.registry.book.versions(node.registry.book.model("quality")["id"])}
    assert stages == {1: "archived", 2: "production"}
    node.stage(1, "production")
    assert node.registry.predict("quality", ROW)[0] == 1, "back again"
    with pytest.raises(NotFound, match="version 9"):
        node.registry.predict("quality", ROW, 9)
    for columns, what in (
        ({"temperature": [1.0]}, "'speed' is missing"),
        ({**ROW, "tempo": [1.0, 2.0]}, "no input 'tempo'"),
        ({**ROW, "speed": ["fast", "slow"]}, "no number"),
        ({**ROW, "speed": [1.0]}, "rows"),
        ({"temperature": [], "speed": []}, "rows"),
    ):
        with pytest.raises(InvalidInput, match=what) as told:
            node.registry.predict("quality", columns)
        assert told.value.hint
    for told, what in (
        ({"metrics": {"r2": float("nan")}}, "metric"),
        ({"start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "ends before"),
        ({"inputs": ["one"]}, "1 inputs are named"),
    ):
        with pytest.raises(InvalidInput, match=what):
            node.register("python", TEXT, **told)
    with pytest.raises(InvalidInput, match="no kind"):
        node.register("onx", TEXT)
    with pytest.raises(InvalidInput, match="no name"):
        node.create("Not A Name")
    with pytest.raises(Conflict, match="already"):
        node.create()
    with pytest.raises(InvalidInput, match="no asset"):
        node.create("other", asset="Site/Ovn")


def latest(node, name):
    (value,) = node.plant.store.latest([f"{OVEN}/{name}"])
    return None if value is None else value.value


def test_a_scheduled_scorer_writes_a_property_by_the_clock(node):
    node.create()
    node.register("python", TEXT)
    node.stage(1, "production")
    scorer = node.score(every="1m")
    node.feed(("T", 10, 220.0), ("T", 40, 222.0), ("S", 20, 2.0), ("T", 70, 230.0))
    assert node.registry.tick(node.now + 3 * MINUTE) == 1
    assert latest(node, "Quality") == 201.0, "the mean of the minute"
    (row,) = node.registry.book.scorers()
    assert (row["rows"], row["skipped"], row["error"]) == (1, 1, ""), "the second minute had no speed: said, not guessed"
    assert node.registry.tick(node.now + 3 * MINUTE) == 0
    with node.plant.db.begin() as tx:
        node.registry.end(tx, "quality", scorer["id"])
    assert node.registry.book.scorers() == []
    assert latest(node, "Quality") == 201.0


def test_a_scorer_that_fails_is_a_condition_until_it_works_again_and_counts_what_it_missed(node):
    node.create()
    node.register("python", TEXT)
    node.stage(1, "production")
    node.score(every="1m")
    node.stage(1, "archived")
    node.feed(("T", 10, 220.0), ("S", 20, 2.0), ("T", 70, 230.0), ("S", 70, 2.0))
    assert node.registry.tick(node.now + MINUTE + 10**10) == 0, "nothing is in production"
    (row,) = node.registry.book.scorers()
    assert (row["rows"], row["skipped"], "in production" in row["error"]) == (0, 1, True)
    (told,) = [one for one in node.plant.system_events.current() if "gets no scores" in one.message]
    assert f"{OVEN}/Quality" in told.message
    node.stage(1, "production")
    assert node.registry.tick(node.now + 2 * MINUTE + 10**10) == 1
    assert latest(node, "Quality") == 210.0
    assert [one for one in node.plant.system_events.current() if "gets no scores" in one.message] == []
    (row,) = node.registry.book.scorers()
    assert (row["rows"], row["skipped"], row["error"]) == (1, 1, "")


def test_a_streaming_scorer_writes_with_every_new_value(node):
    node.create()
    node.register("python", TEXT)
    node.feed(("T", -5, 200.0), ("S", -5, 1.0))
    node.score(mode="streaming", output="twice", number=1)
    node.registry.tick(node.now)
    node.feed(("T", 1, 220.0))
    node.registry.tick(node.now)
    assert latest(node, "Quality") is None, "the speed is not known yet"
    node.feed(("S", 2, 2.0), ("T", 3, 230.0))
    assert node.registry.tick(node.now) == 2
    assert latest(node, "Quality") == 420.0
    node.feed(("S", 4 + 601, 2.0))
    assert node.registry.tick(node.now) == 0, "a temperature of ten minutes ago is none of now"


def test_scores_by_the_nodes_own_thread(node):
    node.create()
    node.register("python", TEXT)
    node.stage(1, "production")
    node.feed(("T", -5, 200.0), ("S", -5, 1.0))
    node.score(mode="streaming")
    node.registry.tick()
    arrived = []
    import threading

    done = threading.Event()
    take = node.registry.ingest

    def ingest(batches):
        arrived.extend(batches)
        answer = take(batches)
        done.set()
        return answer

    node.registry.ingest = ingest
    node.registry.start()
    node.feed(("T", 1, 220.0), ("S", 1, 2.0))
    assert done.wait(60)
    assert arrived[0].source == "own models"


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ({"property": f"{OVEN}/Temperature"}, "delivered by 'plc'"),
        ({"property": f"{OVEN}/Lamp"}, "cannot hold a score"),
        ({"inputs": {"temperature": f"{OVEN}/Temperature"}}, "no property is given for speed"),
        ({"inputs": {"temperature": f"{OVEN}/Lamp", "speed": f"{OVEN}/Speed"}}, "holds no numbers"),
        ({"inputs": {"temperature": f"{OVEN}/Quality", "speed": f"{OVEN}/Speed"}}, "its own input"),
        ({"output": "thrice"}, "no output"),
        ({"mode": "sometimes"}, "no mode"),
        ({"every": "1ms"}, "at least a second"),
        ({"property": f"{OVEN}/Qualty"}, "no property"),
    ],
)
def test_a_scorer_that_cannot_work_is_refused(node, wanted, what):
    node.create()
    node.register("python", TEXT)
    node.stage(1, "production")
    node.feed(("T", -5, 220.0))
    with pytest.raises((InvalidInput, Conflict, NotFound), match=what) as told:
        node.score(**wanted)
    assert told.value.hint


def test_scorers_may_not_go_in_a_ring(node):
    node.create()
    node.register("python", TEXT)
    node.stage(1, "production")
    node.score(inputs={"temperature": f"{OVEN}/Second", "speed": f"{OVEN}/Speed"})
    with pytest.raises(InvalidInput, match="its own input"):
        node.score(property=f"{OVEN}/Second", inputs={"temperature": f"{OVEN}/Quality", "speed": f"{OVEN}/Speed"})


@pytest.mark.parametrize(
    ("kind", "make"), [("onnx", onnx_model), ("lightgbm", lightgbm_model), ("sklearn", sklearn_model), ("python", lambda: TEXT)]
)
def test_mlflows_folder_goes_out_and_comes_in(node, kind, make):
    node.create()
    node.register(kind, make(), inputs=NAMES, metrics={"r2": 0.9})
    row = node.registry.book.version("quality", 1)
    found = from_mlflow(to_mlflow("quality", row))
    assert (found.kind, found.inputs) == (kind, NAMES)
    assert found.content == row["content"]
    for wrong in (b"no zip", to_mlflow("quality", row)[:50]):
        with pytest.raises(InvalidInput, match="no zip"):
            from_mlflow(wrong)


def test_what_joblib_wrote_is_served_and_said_not_to_fit_mlflow(node):
    node.create()
    node.register("sklearn", sklearn_model(by_joblib=True), inputs=NAMES)
    assert node.registry.predict("quality", ROW, 1)[1]["prediction"] == pytest.approx([200.0, 180.0])
    with pytest.raises(InvalidInput, match=r"joblib\.dump"):
        to_mlflow("quality", node.registry.book.version("quality", 1))


def test_values_that_come_late_move_no_input_back_and_no_score_into_the_past(node):
    node.create()
    node.register("python", TEXT)
    node.feed(("T", -5, 1.0), ("S", -5, 1.0))
    node.score(mode="streaming", number=1)
    node.registry.tick(node.now)
    node.feed(("T", 1, 200.0), ("S", 5, 1.0))
    assert node.registry.tick(node.now) == 1
    node.feed(("S", 3, 9.0))
    assert node.registry.tick(node.now) == 0, "the speed of before is not that of now"
    node.feed(("T", 4, 210.0))
    assert node.registry.tick(node.now) == 1
    (last,) = node.plant.store.latest([f"{OVEN}/Quality"])
    assert (last.value, last.ts) == (200.0, node.now + 5 * NS)


def test_what_comes_faster_than_it_can_be_scored_is_counted(node, monkeypatch):
    monkeypatch.setattr("lineshaft.detect.registry.scoring.LONGEST", 3)
    node.create()
    node.register("python", TEXT)
    node.feed(("T", -5, 1.0), ("S", -5, 1.0))
    node.score(mode="streaming", number=1)
    node.registry.tick(node.now)
    node.feed(("S", 1, 1.0), *[("T", at, 200.0) for at in range(1, 11)])
    assert node.registry.tick(node.now) == 3
    (row,) = node.registry.book.scorers()
    assert (row["rows"], row["skipped"]) == (3, 7)


def test_steps_from_before_what_is_caught_up_are_counted_as_skipped(node, monkeypatch):
    monkeypatch.setattr("lineshaft.detect.registry.scoring.LONGEST", 3)
    node.create()
    node.register("python", TEXT)
    node.score(number=1)
    node.registry.tick(node.now + 10 * MINUTE + 6 * NS)
    (row,) = node.registry.book.scorers()
    assert row["skipped"] == 10


def test_a_scorer_whose_values_the_store_cannot_take_stops_no_other(node):
    node.create()
    node.register("python", TEXT)
    node.score(number=1)
    node.score(number=1, property=f"{OVEN}/Second")
    node.feed(("T", 1, 200.0), ("S", 1, 1.0))
    take = node.registry.ingest

    def full(batches):
        rows = node.registry.book.scorers()
        if batches[0].rows["tag"][0].as_py() == rows[0]["id"]:
            raise OSError("no space left on device")
        return take(batches)

    node.registry.ingest = full
    later = node.now + MINUTE + 6 * NS
    assert node.registry.tick(later) == 1
    troubles = [one for one in node.plant.system_events.current() if one.key.startswith("detect:scorer")]
    assert ["no space" in one.message for one in troubles] == [True]
    node.registry.ingest = take
    assert node.registry.tick(later) == 1, "what could not be kept is scored again"
    assert [one for one in node.plant.system_events.current() if one.key.startswith("detect:scorer")] == []


def test_a_model_that_opens_slowly_keeps_nobody_waiting(monkeypatch):
    slow, go = threading.Event(), threading.Event()

    class Opening:
        closed = False

        def __init__(self, kind, content, inputs):
            del content, inputs
            if kind == "slow":
                slow.set()
                assert go.wait(60)

        def retire(self):
            self.closed = True

        close = retire

    monkeypatch.setattr(serving, "Served", Opening)
    workers = serving.Workers()
    with ThreadPoolExecutor(2) as threads:
        first = [threads.submit(workers.of, "1", "slow", bytes, []) for _ in range(2)]
        assert slow.wait(60)
        others = [workers.of(str(n), "quick", bytes, []) for n in range(2, 2 + serving.MOST)]
        go.set()
        one, same = (each.result(60) for each in first)
    assert one is same, "it was opened once"
    assert [each.closed for each in others] == [True, *[False] * (serving.MOST - 1)], "the one longest unasked has gone"
    workers.close()
