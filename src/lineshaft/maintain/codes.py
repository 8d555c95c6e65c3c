"""Short code lists for closing an order: our own words, in the manner of ISO 14224 (whose tables are copyrighted, so not here).

Mode says how it failed, mechanism and cause why, remedy what was done, detection how it was noticed, and the label
tells the detector what it was: "no fault found" is not "false alarm".
"""

from __future__ import annotations

from collections.abc import Mapping

from lineshaft.core import InvalidInput, did_you_mean

MODES: dict[str, str] = {
    "VIB": "vibration",
    "OHE": "overheating",
    "NOI": "noise",
    "LEK": "leakage",
    "STP": "stops by itself",
    "STA": "does not start",
    "LOO": "low output",
    "ERO": "erratic output",
    "BRK": "breakage",
    "PLU": "plugged or choked",
    "ELE": "electrical fault",
    "INS": "instrument reads wrong",
    "OTH": "other",
    "NON": "no failure",
}
MECHANISMS: dict[str, str] = {
    "WEA": "wear",
    "FAT": "fatigue",
    "COR": "corrosion",
    "LOS": "looseness",
    "MIS": "misalignment",
    "IMB": "imbalance",
    "LUB": "lubrication failure",
    "CON": "contamination",
    "OVL": "overload",
    "SHO": "short circuit or earth fault",
    "UNK": "unknown",
}
CAUSES: dict[str, str] = {
    "AGE": "expected wear at this age",
    "INSTALL": "fitted wrongly",
    "MAINT": "maintenance missing or wrong",
    "OPER": "operated outside its limits",
    "DESIGN": "design or choice of part",
    "MATERIAL": "faulty material or part",
    "EXTERN": "from outside (supply, environment)",
    "UNK": "unknown",
}
REMEDIES: dict[str, str] = {
    "REPLACE": "part replaced",
    "REPAIR": "repaired",
    "ADJUST": "adjusted or aligned",
    "LUBE": "lubricated",
    "CLEAN": "cleaned",
    "TIGHTEN": "tightened",
    "RESET": "reset",
    "INSPECT": "inspected only",
    "NONE": "nothing done",
}
DETECTIONS: dict[str, str] = {
    "ALARM": "alarm",
    "MODEL": "model's finding",
    "INSPECT": "inspection",
    "OPERATOR": "noticed by the operator",
    "DEMAND": "failed on demand",
    "OTHER": "other",
}
LABELS: dict[str, str] = {
    "confirmed": "there was a fault and this was it",
    "no_fault_found": "looked, found nothing; the signal was real",
    "false_alarm": "the signal itself was wrong",
    "neutral": "says nothing about the detector",
}
LISTS: dict[str, dict[str, str]] = {
    "mode": MODES,
    "mechanism": MECHANISMS,
    "cause": CAUSES,
    "remedy": REMEDIES,
    "detection": DETECTIONS,
    "label": LABELS,
}
REQUIRED: tuple[str, ...] = ("mode", "cause", "remedy")
"""What every closed order names; the others are welcome."""


def check_closing(
    codes: Mapping[str, str],
    lists: Mapping[str, Mapping[str, str]] | None = None,
    *,
    complete: bool = True,
    label: bool = False,
) -> dict[str, str]:
    """Return the closing codes if each is on its list (ours, unless other lists are given), and all required ones are there.

    >>> check_closing({"mode": "VIB", "cause": "AGE", "remedy": "REPLACE"})["mode"]
    'VIB'
    """
    known = LISTS if lists is None else lists
    given = {name: code for name, code in codes.items() if code}
    for name, code in given.items():
        if name not in known:
            raise InvalidInput(f"'{name}' is no closing code", hint=did_you_mean(name, known), code="codes.unknown")
        if code not in known[name]:
            raise InvalidInput(
                f"'{code}' is not on the list of {name}", where=name, hint=did_you_mean(code, known[name]), code="codes.unknown"
            )
    missing = [name for name in (*REQUIRED, *(("label",) if label else ())) if name not in given]
    if complete and missing:
        first = missing[0]
        raise InvalidInput(
            f"closing an order needs its {', '.join(missing)}",
            where=first,
            hint=did_you_mean("", known[first]),
            code="codes.missing",
        )
    return given
