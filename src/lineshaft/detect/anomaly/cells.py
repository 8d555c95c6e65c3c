"""What a column's cells say: numbers, numbers written as texts (also with a decimal comma), words among numbers, or texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.detect.detector import Floats

DOTTED = r"^[+-]?(\d+\.\d*|\.\d+|\d+[eE][+-]?\d+|\d+\.\d*[eE][+-]?\d+)$"
WHOLE = r"^[+-]?\d+$"
COMMA = r"^[+-]?\d+,\d+([eE][+-]?\d+)?$"
GROUPED = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
POINTED = r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$"

NUMERIC = 0.5
"""Texts of which a larger share are numbers are a measurement with words in it (Bad, No Data)."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A column's numbers (None: it holds texts), how they were written, and the words among them."""

    numbers: Floats | None
    written: str = ""
    """`text` or `comma` where numbers were written as texts."""
    words: tuple[str, ...] = ()
    worded: int = 0


def plain(column: Any) -> Any:
    """Return a column without the ways to pack it: dictionaries, views, types of other libraries."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column, kind = pc.cast(column, kind.storage_type), kind.storage_type
    if pa.types.is_dictionary(kind):
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    return pc.cast(column, pa.string()) if pa.types.is_string_view(kind) or pa.types.is_large_string(kind) else column


def texts(column: Any) -> npt.NDArray[Any]:
    """Return a column as texts and None."""
    if not pa.types.is_string(column.type):
        return np.array([None if cell is None else str(cell) for cell in column.to_pylist()], object)
    return column.to_numpy()


def numbers(column: Any, *, words: bool = True) -> Cells:
    """Return the numbers of a column; `words` among them count as missing, unless they are to be kept as texts."""
    kind = column.type
    if pa.types.is_null(kind):
        return Cells(np.full(len(column), np.nan))
    if pa.types.is_boolean(kind):
        column = pc.cast(column, pa.int8())
    if pa.types.is_string(kind):
        return _written(pc.utf8_trim_whitespace(column), words)
    if pa.types.is_temporal(kind):
        return Cells(None)
    try:
        return Cells(pc.cast(column, pa.float64(), safe=False).to_numpy().astype(np.float64, copy=False))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return Cells(None)


def _written(bare: Any, words: bool) -> Cells:
    """Read texts as numbers: all of them, or with a decimal comma, or all but some words."""
    bare = pc.if_else(pc.equal(bare, pa.scalar("", bare.type)), None, bare)
    try:
        return Cells(pc.cast(bare, pa.float64()).to_numpy().astype(np.float64), "text")
    except pa.ArrowInvalid:
        pass
    known = len(bare) - bare.null_count
    dotted, whole, comma, grouped, pointed = (_like(bare, one) for one in (DOTTED, WHOLE, COMMA, GROUPED, POINTED))
    written, readable = "text", dotted | whole
    if (comma & ~grouped).any() and not (dotted & ~pointed).any():
        bare = pc.replace_substring(pc.replace_substring(bare, ".", "") if pointed.any() else bare, ",", ".")
        written, readable = "comma", comma | whole | pointed
    elif grouped.any() and not (comma & ~grouped).any() and (dotted.any() or _like(bare, r"\..*").any()):
        bare, readable = pc.replace_substring(bare, ",", ""), readable | grouped
    if not readable.sum() > NUMERIC * known or (not words and readable.sum() < known):
        return Cells(None)
    strange = ~readable & ~np.asarray(pc.is_null(bare))
    found = pc.cast(pc.if_else(pa.array(readable), bare, None), pa.float64()).to_numpy().astype(np.float64)
    said = [str(one) for one in pc.unique(bare.filter(pa.array(strange))).to_pylist()[:3]]
    return Cells(found, written, tuple(said), int(strange.sum()))


def _like(bare: Any, pattern: str) -> Any:
    return np.asarray(pc.match_substring_regex(bare, pattern).fill_null(False))
