"""Any recorded table becomes a machine: its values are shown again, in order, at their recorded distance in time.

Nothing is skipped: a listener with a queue that is long enough, and that asks for every new time stamp, gets each
recorded value exactly once.
"""

from lineshaft.connect.simulators.replay.run import Replay, run_replay
from lineshaft.connect.simulators.replay.table import Layout, Recording, read_table

__all__ = ["Layout", "Recording", "Replay", "read_table", "run_replay"]
