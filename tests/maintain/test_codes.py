from __future__ import annotations

import pytest

from lineshaft.core import InvalidInput
from lineshaft.maintain import LISTS, check_closing

FULL = {"mode": "VIB", "cause": "AGE", "remedy": "REPLACE"}


def test_closing_needs_mode_cause_and_remedy_from_the_lists():
    assert check_closing({**FULL, "label": "confirmed", "mechanism": ""}) == {**FULL, "label": "confirmed"}
    with pytest.raises(InvalidInput) as missing:
        check_closing({"mode": "VIB"})
    assert missing.value.code == "codes.missing"
    with pytest.raises(InvalidInput, match="did you mean 'VIB'"):
        check_closing({**FULL, "mode": "VIBR"})
    with pytest.raises(InvalidInput, match="did you mean 'remedy'"):
        check_closing({**FULL, "remedys": "REPLACE"})


def test_no_fault_found_is_not_a_false_alarm():
    assert {"no_fault_found", "false_alarm"} <= set(LISTS["label"])
