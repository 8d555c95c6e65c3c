"""LightGBM: the text that `save_model` writes; reading it runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lineshaft.core import InvalidInput
from lineshaft.detect.registry.opened import PREDICTION, Columns, Opened, absent, matrix, named, several


def open_model(content: bytes, inputs: Sequence[str]) -> Opened:
    """Open a booster."""
    try:
        import lightgbm  # noqa: PLC0415 - an extra, and heavy
    except (ImportError, OSError) as error:
        raise absent("lightgbm") from error
    text = content.decode("utf-8", errors="replace")
    if not text.startswith("tree"):
        hint = "give what Booster.save_model wrote (a text), or register a pickle as kind sklearn"
        raise InvalidInput("this is no LightGBM model text", hint=hint, code="registry.unreadable")
    try:
        booster: Any = lightgbm.Booster(model_str=text)
    except Exception as error:
        raise InvalidInput(f"this is no LightGBM model text: {error}", code="registry.unreadable") from error
    names = named(booster.feature_name(), inputs)

    def run(columns: Columns) -> dict[str, Any]:
        return several(PREDICTION, booster.predict(matrix(columns, names), num_threads=1))

    return Opened(names, [PREDICTION], f"lightgbm {lightgbm.__version__}", run)
