"""Values become figures: formulas on columns, transforms in event time, metrics over windows, OEE that can be defended.

Compile the models' formulas (a wrong one is reported with file, line and position, and stops nothing else); a transform
gives one value for each new input value, whatever order they arrive in; a metric one value a window (start, end] once the
time of the values has passed its end, and again when late values touch it. Every computed row names the model's version.
"""

from lineshaft.compute.amend import Edit
from lineshaft.compute.badactor import BadActor
from lineshaft.compute.books import FormulaVersion
from lineshaft.compute.difference import Change
from lineshaft.compute.downtime import Stop
from lineshaft.compute.engine import Compute
from lineshaft.compute.formula import Formula, parse
from lineshaft.compute.keep import COUNTS, KEPT, RATIOS
from lineshaft.compute.oee import TIME_MODELS, Oee, rolled_up
from lineshaft.compute.plan import Uncomputed
from lineshaft.compute.recompute import Job, RecomputeMoved, Recomputes
from lineshaft.compute.rewrite import REASONS, Request
from lineshaft.compute.settings import ComputeSettings
from lineshaft.compute.tables import MIGRATIONS
from lineshaft.compute.window import Grid

__all__ = [
    "COUNTS",
    "KEPT",
    "MIGRATIONS",
    "RATIOS",
    "REASONS",
    "TIME_MODELS",
    "BadActor",
    "Change",
    "Compute",
    "ComputeSettings",
    "Edit",
    "Formula",
    "FormulaVersion",
    "Grid",
    "Job",
    "Oee",
    "RecomputeMoved",
    "Recomputes",
    "Request",
    "Stop",
    "Uncomputed",
    "parse",
    "rolled_up",
]
