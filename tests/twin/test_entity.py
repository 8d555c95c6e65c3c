from __future__ import annotations

from lineshaft.assets import Asset
from lineshaft.twin.entity import Flow


def test_material_that_goes_round_is_followed_once() -> None:
    names = ["wash", "cut", "rework"]
    feeds = {"wash": ("cut",), "cut": ("rework",), "rework": ("wash", "gone")}
    flow = Flow([Asset(name, name, name, None, feeds=feeds[name]) for name in names])
    assert [a.path for a in flow.reach("wash", down=True)] == ["cut", "rework"]
    assert [a.path for a in flow.reach("wash", down=False)] == ["rework", "cut"]
    assert flow.reach("nowhere", down=True) == []
