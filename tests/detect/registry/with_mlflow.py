"""Run by MLflow's own Python: predicts two rows with folders of ours, and writes folders of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mlflow
import mlflow.lightgbm
import mlflow.onnx
import mlflow.sklearn
import numpy as np
import onnx
import pandas as pd
from lightgbm import Dataset, train
from sklearn.linear_model import LinearRegression

ROWS = pd.DataFrame({"temperature": [220.0, 210.0], "speed": [2.0, 3.0]})


def main(folder: Path) -> None:
    said = {}
    for path in sorted((folder / "ours").iterdir()):
        told = mlflow.pyfunc.load_model(str(path)).predict(ROWS)
        first = next(iter(told.values())) if isinstance(told, dict) else told
        said[path.name] = np.asarray(first, float).reshape(2, -1)[:, 0].tolist()
    (folder / "said.json").write_text(json.dumps(said))

    chance = np.random.default_rng(1)
    rows = pd.DataFrame({"temperature": chance.normal(220, 5, 300), "speed": chance.normal(2, 0.3, 300)})
    truth = rows["temperature"] - 10 * rows["speed"]
    signature = mlflow.models.infer_signature(rows, truth)
    (folder / "theirs").mkdir()
    mlflow.sklearn.save_model(
        LinearRegression().fit(rows, truth),
        str(folder / "theirs" / "sklearn"),
        signature=signature,
        serialization_format="pickle",
    )
    booster = train({"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}, Dataset(rows, truth), 30)
    mlflow.lightgbm.save_model(booster, str(folder / "theirs" / "lightgbm"), signature=signature)

    model = onnx.load(folder / "ours" / "onnx" / "model.onnx")
    mlflow.onnx.save_model(model, str(folder / "theirs" / "onnx"), signature=signature)


main(Path(sys.argv[1]))
