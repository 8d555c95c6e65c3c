"""Remaining useful life: from many lives with sensors, from ages at failure, or from a health index on its way to a limit.

    from lineshaft.detect import life

    model = life.fit(table, asset="pump", failed=[...])
    for forecast in model.predict(today, asset="pump"):
        print(forecast)

The way is chosen by what there is, and `model.why` explains it. Knows no store and no web page.
"""

from lineshaft.detect.life.example import Wearing, wearing
from lineshaft.detect.life.histories import fleet
from lineshaft.detect.life.model import ENOUGH, METHODS, Forecast, LifeModel, fit, load
from lineshaft.detect.life.trend import HealthIndex
from lineshaft.detect.life.weibull import Record

__all__ = [
    "ENOUGH",
    "METHODS",
    "Forecast",
    "HealthIndex",
    "LifeModel",
    "Record",
    "Wearing",
    "fit",
    "fleet",
    "load",
    "wearing",
]
