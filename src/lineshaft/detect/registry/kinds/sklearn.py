"""scikit-learn: a pickle (or what joblib wrote). Opening it runs whatever code it names: only what somebody said to trust."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from lineshaft.core import InvalidInput
from lineshaft.detect.registry.opened import PREDICTION, Columns, Opened, absent, matrix, named, several

MOST_CLASSES = 20


def open_model(content: bytes, inputs: Sequence[str]) -> Opened:
    """Open an estimator or a pipeline."""
    try:
        import joblib  # noqa: PLC0415 - an extra, and heavy
        import sklearn  # noqa: PLC0415
    except ImportError as error:
        raise absent("scikit-learn") from error
    try:
        estimator: Any = joblib.load(io.BytesIO(content))
    except Exception as error:
        raise InvalidInput(
            f"this is no pickle that can be opened: {error}",
            hint=f"write it with joblib.dump under scikit-learn {sklearn.__version__}, or convert it to ONNX",
            code="registry.unreadable",
        ) from error
    if not hasattr(estimator, "predict"):
        raise InvalidInput("what was pickled has no predict", hint="pickle a fitted estimator", code="registry.unreadable")
    known = [str(name) for name in getattr(estimator, "feature_names_in_", [])]
    names = named(known, inputs, getattr(estimator, "n_features_in_", None))
    classes = [str(one) for one in getattr(estimator, "classes_", [])]
    chances = [f"probability {one}" for one in classes] if hasattr(estimator, "predict_proba") else []
    chances = chances if len(chances) <= MOST_CLASSES else []

    def run(columns: Columns) -> dict[str, Any]:
        rows: Any = matrix(columns, names)
        if known:
            rows = _framed(rows, known)
        made = several(PREDICTION, estimator.predict(rows))
        if chances:
            made |= dict(zip(chances, np.asarray(estimator.predict_proba(rows)).T, strict=True))
        return made

    return Opened(names, [PREDICTION, *chances], f"scikit-learn {sklearn.__version__}", run)


def _framed(rows: Any, names: list[str]) -> Any:
    """Return the rows as a frame with the names of training, where pandas is there (the estimator learned from one)."""
    try:
        pandas: Any = import_module("pandas")  # no dependency: it is there where the estimator was made with it
    except ImportError:
        return rows
    return pandas.DataFrame(rows, columns=names)
