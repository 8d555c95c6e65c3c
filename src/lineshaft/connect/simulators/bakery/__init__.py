"""The demo line: a mixer, a former, an oven (the constraint), a cooler with its coolant pump, and a packer.

Simple physics, but coherent: a machine that stops starves the next and blocks the one before; counters only count
what moved. The same seed gives the same shift.
"""

from lineshaft.connect.simulators.bakery.line import Line
from lineshaft.connect.simulators.bakery.run import run_bakery

__all__ = ["Line", "run_bakery"]
