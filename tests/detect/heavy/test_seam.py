"""Where trainings run: what may be set, what a machine must have, and one way through either engine."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lineshaft.detect.apart import Apart
from lineshaft.detect.heavy.alike import differs
from lineshaft.detect.heavy.job import Outcome
from lineshaft.detect.heavy.settings import TrainingSettings
from lineshaft.detect.heavy.trainings import Processes, Trainings
from tests.detect.heavy.works import double

HERE = {"python": "3.11.9.final.0", "lineshaft": "0.1.0", "distributed": "2026.8.0", "lightgbm": "4.6.0"}
FILES = {"ca": "ca.pem", "certificate": "node.pem", "key": "node.key"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"python": "3.11.2.final.0", "lightgbm": "4.7.0"}, ""),
        ({"python": "3.12.1.final.0"}, "has Python 3.12, this node 3.11"),
        ({"lineshaft": "0.2.0"}, "has lineshaft 0.2.0, this node 0.1.0"),
        ({"lineshaft": None}, "has no lineshaft"),
        ({"lightgbm": None, "distributed": "2026.9.1"}, "has distributed 2026.9.1, this node 2026.8.0 and lacks lightgbm, which"),
    ],
)
def test_a_machine_that_is_not_like_this_node_is_told_in_which_way(changed, said):
    told = differs(HERE, {**HERE, **changed})
    assert told.startswith(said)
    assert bool(told) == bool(said)


def test_what_a_node_lacks_no_other_may_have():
    assert differs({**HERE, "lightgbm": None}, HERE) == "has lightgbm, which this node lacks"
    assert differs(HERE, {**HERE, "lightgbm": None}, extras=()) == "", "the scheduler trains nothing"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scheduler": "dask.plant.example"}, "this is not an address"),
        ({"scheduler": "tls://dask.plant.example:8786"}, "needs ca, certificate and key"),
        ({"scheduler": "tcp://dask.plant.example:8786"}, "run code there and on this node"),
        ({"patience": "soon"}, "patience"),
        ({"at_once": 0}, "at_once"),
    ],
)
def test_settings_that_cannot_be_or_should_not_are_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        TrainingSettings.model_validate(given)


def test_settings_for_a_plants_own_scheduler():
    assert TrainingSettings(scheduler="tls://dask.plant.example:8786", **FILES).patience_s == 600
    TrainingSettings(scheduler="tcp://dask.plant.example:8786", allow_tcp=True)
    TrainingSettings(scheduler="tcp://127.0.0.1:8786")


def test_one_way_through_any_engine_and_where_it_was():
    class Elsewhere:
        def run(self, job):
            job.step(0.4, "elsewhere")
            return Outcome(job.work(job.prepare(), job.step), "", "press-2")

    places, told, steps = Trainings(TrainingSettings(at_once=1)), [], []
    assert isinstance(places.engine, Processes)
    places.engine = Elsewhere()
    work = Apart(double, lambda: 4, lambda *step: steps.append(step), lambda *result: told.append(result)).start(places)
    work.wait(60)
    places.stop()
    assert (told, work.where) == ([(8, "")], "press-2")
    assert steps == [(0.4, "elsewhere"), (0.5, "half")]
