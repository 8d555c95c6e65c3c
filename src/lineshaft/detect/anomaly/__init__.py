"""Anomalies of a machine with several sensors: learn normal running from a table, score any other, say which sensors and why.

    from lineshaft.detect import anomaly

    model = anomaly.fit(table, drivers=["speed", "load"], off="current < 5")
    scored = model.score(later)
    scored.alerts, scored.explain(scored.alerts[0])

`check` looks at the data before; `model.save` and `load` keep a model in a file of plain arrays. Knows no store and no web page.
"""

from lineshaft.detect.anomaly.alerts import Alert
from lineshaft.detect.anomaly.evaluation import Evaluation, evaluate
from lineshaft.detect.anomaly.example import Example, compressor
from lineshaft.detect.anomaly.fitting import check, fit
from lineshaft.detect.anomaly.labels import Label
from lineshaft.detect.anomaly.model import Follower, Model, load
from lineshaft.detect.anomaly.quality import QualityReport
from lineshaft.detect.anomaly.scored import Contribution, Scored
from lineshaft.detect.anomaly.settings import AnomalySettings

__all__ = [
    "Alert",
    "AnomalySettings",
    "Contribution",
    "Evaluation",
    "Example",
    "Follower",
    "Label",
    "Model",
    "QualityReport",
    "Scored",
    "check",
    "compressor",
    "evaluate",
    "fit",
    "load",
]
