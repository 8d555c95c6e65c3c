"""Alarms of the model file stand as they are when their machine or property gets another name or place."""

from __future__ import annotations

from tests.detect.conftest import PUMP, VIBRATION, Shelf


def move(watch, path, parent, name):
    with watch.db.begin() as tx:
        watch.assets.move(tx, path, parent, name)
    watch.detect.reload()


def test_an_alarm_that_stands_is_neither_told_again_nor_judged_anew(make):
    watch = make(VIBRATION, numbers=Shelf())
    watch.feed((1, 9.0), (4, 9.0))
    watch.do("acknowledge")
    before, told = watch.named("High"), len(watch.told)
    assert before["state"] == "acked"
    move(watch, "Bakery", None, "Works")
    move(watch, "Works/Pump", None, "P7")
    text = (watch.folder / "models" / "pump.yaml").read_text().replace("version: 1", "version: 2")
    text = text.replace("property: Vibration", "property: Shaking")
    text = text.replace("{name: Vibration,", "{name: Shaking, was: Vibration,")
    watch.assets.export(watch.folder, canonical=True)
    (watch.folder / "models" / "pump.yaml").write_text(text)
    assert watch.assets.load(watch.folder).problems == []
    assert watch.detect.reload() == []
    after = watch.named("High", "P7")
    same = ("id", "state", "occurrence", "raised", "acknowledged", "active", "last")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["property"] == "P7/Shaking"
    assert len(watch.told) == told
    watch.feed((5, 9.0), (6, 1.0), (8, 1.0))
    assert watch.named("High", "P7")["state"] == "normal", "it is watched under its name of now"
    assert PUMP not in {row["asset"] for row in watch.detect.alarms(False, kind=None)}
