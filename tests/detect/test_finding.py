from __future__ import annotations

import pytest

from lineshaft.core import Conflict, InvalidInput, NotFound
from lineshaft.detect import FindingRaised
from tests.detect.conftest import OPERATOR, PUMP


def find(watch, **values):
    with watch.db.begin() as tx:
        sensors = [{"property": f"{PUMP}/Vibration", "share": 0.8}]
        return watch.detect.find(
            tx, **{"asset": PUMP, "kind": "drift", "score": 0.9, "by": OPERATOR, "sensors": sensors, **values}
        )


def test_a_finding_is_kept_told_and_labelled(watch):
    made = find(watch, failure_mode="VIB", evidence={"model": "m1"})
    (event,) = watch.told
    assert isinstance(event, FindingRaised)
    assert (event.finding_id, event.score, event.sensors[0]["share"]) == (made["id"], 0.9, 0.8)
    assert watch.detect.alarms(False, kind=None)[0]["state"] == "normal", "a finding is no alarm"
    with watch.db.begin() as tx:
        labelled = watch.detect.label(tx, made["id"], "no_fault_found", OPERATOR, made["version"])
    assert (labelled["label"], labelled["labelled_by"], labelled["version"]) == ("no_fault_found", "olga", 2)
    with pytest.raises(Conflict), watch.db.begin() as tx:
        watch.detect.label(tx, made["id"], "confirmed", OPERATOR, made["version"])
    assert watch.detect.findings(asset=PUMP)[0]["label"] == "no_fault_found"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"asset": "Bakery/Pumpe"}, "did you mean 'Bakery/Pump'"),
        ({"score": 1.2}, "0 to 1"),
        ({"score": float("nan")}, "0 to 1"),
        ({"sensors": [{"share": 1}]}, "property, share"),
        ({"sensors": [{"property": "x", "share": "all"}]}, "property, share"),
    ],
)
def test_a_senseless_finding_is_refused(watch, values, words):
    with pytest.raises(InvalidInput, match=words):
        find(watch, **values)
    assert watch.detect.findings() == []


def test_unknown_findings_and_labels_are_named(watch):
    with pytest.raises(NotFound), watch.db.begin() as tx:
        watch.detect.label(tx, "nothing", "confirmed", OPERATOR)
    with pytest.raises(InvalidInput, match="did you mean 'confirmed'"), watch.db.begin() as tx:
        watch.detect.label(tx, "nothing", "confirmd", OPERATOR)
