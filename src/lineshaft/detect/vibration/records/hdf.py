"""MATLAB files of version 7.3, which are HDF5: arrays of numbers, also inside structs. Needs h5py (extra `hdf5`).

Only what lies in the file itself is read: HDF5 can point at other files of the machine, and such pointers are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lineshaft.detect.detector import Floats
from lineshaft.detect.vibration.records.channel import broken

DEEPEST = 8
"""So many structs may stand in one another; a file that points at itself ends here."""
AGAIN = "save it again in MATLAB with the option -v7"


def arrays(path: Path, largest: int) -> dict[str, Floats]:
    """Return the arrays of numbers of a file by their names (`struct.field`), none of more bytes than `largest`."""
    try:
        import h5py  # noqa: PLC0415 - an extra, and heavy
    except ImportError as error:
        hint = f"pip install 'lineshaft[hdf5]', or {AGAIN}"
        raise broken(path, "MATLAB files of version 7.3 are HDF5 and h5py is not installed", hint) from error
    try:
        with h5py.File(path, "r") as file:
            return dict(_inside(h5py, file, "", largest))
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise broken(path, f"the MATLAB file breaks off or is damaged: {error}") from error


def _inside(h5py: Any, group: Any, outer: str, largest: int, depth: int = 0) -> Iterator[tuple[str, Floats]]:
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} structs stand in one another")
    for name in group:
        if name.startswith("#"):  # #refs#, #subsystem#: what MATLAB keeps for itself
            continue
        is_here = isinstance(group.get(name, getlink=True), h5py.HardLink)
        if not is_here:
            raise ValueError(f"'{name}' points elsewhere: only what lies in the file itself is read")
        one, full = group[name], f"{outer}{name}"
        if isinstance(one, h5py.Group):
            yield from _inside(h5py, one, f"{full}.", largest, depth + 1)
        elif isinstance(one, h5py.Dataset):
            yield from _numbers(_first(h5py, group, one), full, largest)


def _first(h5py: Any, group: Any, one: Any) -> Any:
    """Return the field of the first struct, where there is an array of structs: its fields are lists of references."""
    refers = h5py.check_ref_dtype(one.dtype) is h5py.Reference and "MATLAB_class" not in one.attrs and one.size
    found = group.file[one[()].flat[0]] if refers else one
    return found if isinstance(found, h5py.Dataset) else one


def _numbers(one: Any, name: str, largest: int) -> Iterator[tuple[str, Floats]]:
    if one.dtype.kind not in "iuf" or one.attrs.get("MATLAB_class") == b"char" or "MATLAB_empty" in one.attrs:
        return
    if one.external or one.is_virtual:
        raise ValueError(f"the samples of '{name}' lie in another file")
    if one.size * 8 > largest:
        raise ValueError(f"an element unfolds to more than {largest >> 20} MiB")
    yield name, np.asarray(one[()], np.float64).T  # HDF5 counts the other way round
