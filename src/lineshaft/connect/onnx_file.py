"""ONNX files that travel inside a configuration: their text, and opening them."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("this is not base64: `base64 -w0 FILE` writes it") from None
    return value


Base64 = Annotated[str, AfterValidator(_base64)]
"""A file as a text of a configuration."""


def opened(graph: bytes) -> Any:
    """Open an ONNX graph for one thread. Raises ImportError without onnxruntime, ValueError for what it cannot read."""
    import onnxruntime  # noqa: PLC0415 - an extra, and large

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is raised, not printed
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError(str(error)) from error
