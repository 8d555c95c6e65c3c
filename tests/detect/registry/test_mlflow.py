"""MLflow itself serves what we export, and what it wrote comes in and says the same."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from lineshaft.detect import from_mlflow, to_mlflow
from tests.counterparts import programs
from tests.detect.registry.conftest import TEXT, lightgbm_model, onnx_model, sklearn_model

NAMES = ["temperature", "speed"]
ROW = {"temperature": [220.0, 210.0], "speed": [2.0, 3.0]}


def zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                into.writestr(f"model/{path.relative_to(folder)}", path.read_bytes())
    return packed.getvalue()


@pytest.mark.counterpart
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_mlflow_serves_ours_and_we_serve_its(node, tmp_path):
    interpreter = programs.python("mlflow")
    if interpreter is None:
        pytest.skip(f"MLflow is not installed: {programs.MEND}")
    node.create()
    kinds = {"onnx": onnx_model(), "lightgbm": lightgbm_model(), "sklearn": sklearn_model(), "python": TEXT}
    for number, (kind, content) in enumerate(kinds.items(), 1):
        node.register(kind, content, inputs=NAMES)
        with zipfile.ZipFile(io.BytesIO(to_mlflow("quality", node.registry.book.version("quality", number)))) as packed:
            packed.extractall(tmp_path / "ours" / kind)
    program = Path(__file__).with_name("with_mlflow.py")
    done = subprocess.run(
        [str(interpreter), str(program), str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads((tmp_path / "said.json").read_text())
    close = {"lightgbm": 12.0}
    for kind in kinds:
        assert said[kind] == pytest.approx([200.0, 180.0], abs=close.get(kind, 1e-3)), kind
    for kind in ("sklearn", "lightgbm", "onnx"):
        found = from_mlflow(zipped(tmp_path / "theirs" / kind))
        assert (found.kind, found.inputs) == (kind, NAMES)
        version = node.register(found.kind, found.content, inputs=found.inputs, sha256=hashlib.sha256(found.content).hexdigest())
        _, told = node.registry.predict("quality", ROW, version["number"])
        assert next(iter(told.values())) == pytest.approx([200.0, 180.0], abs=close.get(kind, 1e-3)), kind
