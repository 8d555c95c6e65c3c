"""Own models over REST: registered, trusted, staged, asked; what happens inside is tested in the room."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

from lineshaft.core import NS, Batch, now_ns, samples
from lineshaft.detect import fleet, machines, positions
from lineshaft.detect.registry import targets
from tests.doors.conftest import PUMP

TEXT = b"INPUTS = ['a', 'b']\n\n\ndef predict(columns):\n    return columns['a'] + 2 * columns['b']\n"
OVEN = "Bakery/Line 1/Oven"


def version(content: bytes = TEXT, **more) -> dict:
    return {"kind": "python", "content": base64.b64encode(content).decode(), **more}


def test_a_model_goes_the_whole_way(house):
    made = house.post("models", {"name": "sum", "asset": OVEN, "about": "a + 2 b"})
    assert made.status_code == 201, made.text
    refused = house.post("models/sum/versions", version())
    assert (refused.status_code, refused.json()["code"]) == (422, "registry.untrusted")
    assert "code inside" in refused.json()["detail"]
    digest = hashlib.sha256(TEXT).hexdigest()
    assert digest in refused.json()["hint"]
    kept = house.post("models/sum/versions", version(trust=True, sha256=digest, metrics={"r2": 0.9}, lineage={"code": "9f3"}))
    assert kept.status_code == 201, kept.text
    (one,) = kept.json()["versions"]
    assert (one["inputs"], one["sha256"], one["stage"], one["metrics"]) == (["a", "b"], digest, "new", {"r2": 0.9})
    assert one["trusted_by"]
    assert house.post("models/sum/predict", {"rows": [{"a": 1, "b": 2}]}).json()["code"] == "registry.no-production"
    assert house.post("models/sum/stage", {"number": 1, "stage": "production"}).json()["production"] == 1
    said = house.post("models/sum/predict", {"rows": [{"a": 1, "b": 2}, {"b": 0, "a": 7}]}, "operator")
    assert said.json() == {"model": "sum", "number": 1, "outputs": {"prediction": [5.0, 7.0]}}
    wrong = house.post("models/sum/predict", {"rows": [{"a": "hot", "b": 1}]})
    assert (wrong.status_code, wrong.json()["where"]) == (422, "a")
    assert house.post("models/sum/predict", {}).json()["code"] == "registry.rows"
    packed = house.ask("GET", "models/sum/versions/1/mlflow")
    assert "MLmodel" in zipfile.ZipFile(io.BytesIO(packed.content)).namelist()
    body = {"content": base64.b64encode(packed.content).decode(), "trust": True, "sha256": digest}
    assert [row["number"] for row in house.post("models/sum/mlflow", body).json()["versions"]] == [2, 1]
    actions = [row["action"] for row in house.get("audit?limit=50")["items"] if row["resource"] == "own-model:sum"]
    assert {"models.edit", "models.trust"} <= set(actions)
    token = house.post("tokens", {"name": "elsewhere", "role": "engineer", "scope": ["Bakery/Line 1/Mixer"]})
    house.secrets["elsewhere"] = token.json()["secret"]
    assert house.get("models", "elsewhere")["items"] == []
    assert house.post("models/sum/predict", {"rows": [{"a": 1, "b": 2}]}, "elsewhere").status_code == 403
    typo = house.ask("GET", "models/sume")
    assert (typo.status_code, "sum" in typo.json()["hint"]) == (404, True)
    assert house.post("models/sum/versions", {"kind": "onnx", "content": "%%"}).json()["code"] == "registry.content"


def served(house, name, content=TEXT, asset=PUMP):
    """A model with a version in production."""
    assert house.post("models", {"name": name, "asset": asset}).status_code == 201
    made = house.post(f"models/{name}/versions", version(content, trust=True, sha256=hashlib.sha256(content).hexdigest()))
    assert made.status_code == 201, made.text
    return house.post(f"models/{name}/stage", {"number": 1, "stage": "production"}).json()


def test_predict_says_what_is_wrong_with_what_it_is_asked(house):
    served(house, "asked")
    for body, what in (
        ({"rows": [{"a": 1}]}, "'b' is missing"),
        ({"rows": [{"a": 1, "b": 2}, {"a": 1}]}, "'b' is missing in row 2"),
        ({"rows": [{"a": 1, "b": 2, "c": 3}]}, "no input 'c'"),
        ({"rows": [{"a": [1], "b": 2}]}, "no number"),
        ({"rows": [{"a": "hot", "b": 2}]}, "no number"),
        ({"rows": []}, "rows"),
        ({"columns": {"a": [1, 2], "b": [1]}}, "rows"),
        ({"columns": {"a": [1]}, "rows": [{"a": 1, "b": 2}]}, "rows"),
    ):
        refused = house.post("models/asked/predict", body)
        assert (refused.status_code, what in refused.json()["detail"]) == (422, True), (body, refused.text)
        assert refused.json()["hint"], body
    assert house.post("models/asked/predict", {"rows": [{"a": None, "b": 1}]}).json()["outputs"] == {"prediction": [None]}
    assert house.post("models/asked/predict", {"columns": {"b": [1], "a": [1]}}).json()["outputs"] == {"prediction": [3.0]}
    nowhere = house.post("models/asked/predict", {"rows": [{"a": 1, "b": 1}], "number": 9})
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "registry.version")
    served(house, "breaks", b"INPUTS = ['a']\n\n\ndef predict(columns):\n    return 1 / 0\n")
    broken = house.post("models/breaks/predict", {"rows": [{"a": 1}]})
    assert (broken.status_code, "ZeroDivisionError" in broken.json()["detail"]) == (422, True)


def test_two_people_do_not_stage_over_each_other(house):
    seen = served(house, "staged")["version"]
    assert house.post("models/staged/stage", {"number": 1, "stage": "archived", "version": seen}).status_code == 200
    late = house.post("models/staged/stage", {"number": 1, "stage": "production", "version": seen})
    assert (late.status_code, late.json()["code"]) == (409, "version.conflict")
    assert house.get("models/staged")["production"] is None
    assert house.post("models/staged/stage", {"number": 1, "stage": "best"}).status_code == 422


def scored(house, scorer_id):
    """Let both inputs come, and the registry hear of them as the node's stream tells it."""
    registry, at = house.rooms.registry, now_ns()
    tags = [f"ns=2;s=Coolant pump/{name}" for name in ("Vibration", "Flow")]
    house.values([(tag, 1.0, at - NS) for tag in tags])
    registry.tick()
    stored = house.rooms.store.append([Batch("bakery", at, at, samples({"tag": t, "ts": at, "value": 2.0} for t in tags))])
    house.rooms.store.show(stored)
    registry.on_rows(stored[0].rows)
    assert registry.tick() == 1
    (row,) = [one for one in house.get("models/scores")["scorers"] if one["id"] == scorer_id]
    assert (row["rows"], row["error"], row["mode"]) == (1, "", "streaming")
    assert house.get(f"latest?property={PUMP}/Current")["items"][0]["value"] == 6.0


def test_scorers_write_properties_and_are_ended_by_their_own_model_only(house):
    served(house, "scores")
    served(house, "other", asset=OVEN)
    inputs = {"a": f"{PUMP}/Vibration", "b": f"{PUMP}/Flow"}
    house.values([("ns=2;s=Coolant pump/Vibration", 2.0, now_ns())])
    taken = house.post("models/scores/scorers", {"property": f"{PUMP}/Vibration", "inputs": inputs})
    assert (taken.status_code, "delivered by 'bakery'" in taken.json()["detail"]) == (409, True)
    made = house.post("models/scores/scorers", {"property": f"{PUMP}/Current", "inputs": inputs, "mode": "streaming"})
    assert made.status_code == 201, made.text
    (scorer,) = made.json()["scorers"]
    scored(house, scorer["id"])
    again = house.post("models/scores/scorers", {"property": f"{PUMP}/Current", "inputs": inputs})
    assert (again.status_code, "another scorer" in again.json()["detail"]) == (409, True)
    wrong = house.ask("DELETE", f"models/other/scorers/{scorer['id']}")
    assert (wrong.status_code, wrong.json()["code"]) == (404, "registry.scorer")
    assert len(house.get("models/scores")["scorers"]) == 1
    told = {row["property"]: row for row in house.get("models/scores/targets?limit=500")["items"]}
    assert (told[f"{PUMP}/Vibration"]["free"], "by 'bakery'" in told[f"{PUMP}/Vibration"]["why"]) == (False, True)
    assert (told[f"{PUMP}/Current"]["free"], "another scorer" in told[f"{PUMP}/Current"]["why"]) == (False, True)
    assert house.ask("DELETE", f"models/scores/scorers/{scorer['id']}").json()["scorers"] == []


def test_where_scores_may_be_written_is_told_with_why_not_elsewhere(house):
    served(house, "aims")
    house.values([("ns=2;s=Coolant pump/Flow", 2.0, now_ns())])
    rows = house.get("models/aims/targets?limit=500")["items"]
    told = {row["property"]: row for row in rows}
    assert rows[0]["property"].startswith(PUMP)  # those of the model's asset come first
    assert told[f"{PUMP}/Flow"] == {"property": f"{PUMP}/Flow", "free": False, "why": f"'{PUMP}/Flow' is delivered by 'bakery'"}
    free = told[f"{PUMP}/BearingTemperature"]  # its source's prefix names it, but it never had a value
    assert (free["free"], free["why"]) == (True, "")
    assert not {f"{PUMP}/PowerIndex", f"{PUMP}/Running", f"{OVEN}/State", f"{OVEN}/IdealCycle"} & set(told)
    for row in [row for row in rows if row["property"].startswith(PUMP)]:  # what is told is what happens
        body = {"property": row["property"], "inputs": {"a": f"{OVEN}/Power", "b": f"{OVEN}/Power"}}
        made = house.post("models/aims/scorers", body)
        assert (made.status_code == 201) is row["free"], (row, made.text)
        if not row["free"]:
            assert made.json()["detail"] == row["why"]
    assert house.get("models/aims/targets?search=oven%20power")["items"][0]["property"] == f"{OVEN}/Power"
    computed = house.post(
        "models/aims/scorers", {"property": f"{PUMP}/PowerIndex", "inputs": {"a": f"{OVEN}/Power", "b": f"{OVEN}/Power"}}
    )
    assert (computed.status_code, "cannot hold a score" in computed.json()["detail"]) == (422, True)
    made = house.post("tokens", {"name": "aimless", "role": "engineer", "scope": [PUMP]})
    house.secrets["aimless"] = made.json()["secret"]
    seen = house.get("models/aims/targets?limit=500", "aimless")["items"]
    assert {row["property"].rpartition("/")[0] for row in seen} == {PUMP}
    assert house.ask("GET", "models/nothing/targets").status_code == 404


def test_what_the_house_itself_will_deliver_is_not_free(house):
    assert {positions.results.SOURCE, fleet.book.SOURCE, machines.book.SOURCE} == targets.OURS
    served(house, "keeps-off")
    made = house.post("condition/positions", {"asset": PUMP, "name": "Free end", "vibration": f"{PUMP}/Vibration", "power_kw": 3})
    assert made.status_code == 201, made.text
    rows = house.get("models/keeps-off/targets?limit=500&search=free%20end")["items"]
    assert {row["free"] for row in rows} == {False}
    assert f"{PUMP}/Free end/Deviation" in {row["property"] for row in rows}  # which has no value before the baseline is learned


def test_a_model_of_some_megabytes_is_taken(house):
    house.post("models", {"name": "large", "asset": OVEN})
    content = TEXT + b"# " + b"x" * 3_000_000 + b"\n"
    made = house.post("models/large/versions", version(content, trust=True, sha256=hashlib.sha256(content).hexdigest()))
    assert made.status_code == 201, made.text[:300]
    assert made.json()["versions"][0]["size"] == len(content)
