"""Own models over REST: registered, trusted, staged, asked; what happens inside is tested in the room."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

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
