"""A Python callable: a source text with `predict(columns)`. It runs as it stands: only what somebody said to trust."""

from __future__ import annotations

import platform
import types
from collections.abc import Mapping, Sequence
from typing import Any, cast

from lineshaft.core import InvalidInput
from lineshaft.detect.registry.opened import PREDICTION, Columns, Opened, named, several


def open_model(content: bytes, inputs: Sequence[str]) -> Opened:
    """Run the text and take its `predict`; `INPUTS` and `OUTPUTS` in it may name both."""
    module = types.ModuleType("own_model")
    try:
        exec(compile(content.decode(), "own_model.py", "exec"), module.__dict__)  # noqa: S102 - what this kind is
    except Exception as error:
        raise InvalidInput(f"the text cannot be run: {type(error).__name__}: {error}", code="registry.unreadable") from error
    function: Any = getattr(module, "predict", None)
    if not callable(function):
        hint = "def predict(columns): ... takes a dict of arrays, returns an array or a dict of arrays"
        raise InvalidInput("the text defines no predict", hint=hint, code="registry.unreadable")
    names = named([str(name) for name in getattr(module, "INPUTS", [])], inputs)
    outputs = [str(name) for name in getattr(module, "OUTPUTS", [PREDICTION])]

    def run(columns: Columns) -> dict[str, Any]:
        said: Any = function(dict(columns))
        if isinstance(said, Mapping):
            return {str(name): values for name, values in cast("Mapping[Any, Any]", said).items()}
        return several(PREDICTION, said)

    return Opened(names, outputs, f"Python {platform.python_version()}", run)
