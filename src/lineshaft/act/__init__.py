"""Who does which task: an event opens a case, a process definition says what is to be done, the matrix says by whom.

A case is durable (DBOS moves it, its truth is rows of ours), keeps the definition it was opened with, and never does a
thing twice. What a rule may not do alone is laid before people; a second person decides, and silence is no. The control
tower lists what was done by whom or what. Every move passes the gate and is audited.
"""

from lineshaft.act.act import Act, ExecutorLost
from lineshaft.act.actions import ACTIONS
from lineshaft.act.agency import MIGRATIONS as AGENCY_MIGRATIONS
from lineshaft.act.agency import OUTSIDE, Agency, AgentChanged, AgentsSettings, Arguments, Reach, Reply, Tool, Trade, Use
from lineshaft.act.approval import ApprovalChanged
from lineshaft.act.assistant import load_manuals
from lineshaft.act.carry import Hand, Touched
from lineshaft.act.case import CaseChanged
from lineshaft.act.chart import drawn
from lineshaft.act.matrix import Mode, mode_of
from lineshaft.act.notify import Notifier
from lineshaft.act.process import Process, look_at, read_process
from lineshaft.act.readiness import readiness_of
from lineshaft.act.relocating import follow
from lineshaft.act.settings import ActSettings
from lineshaft.act.tables import MIGRATIONS as OWN_MIGRATIONS
from lineshaft.act.tower import TowerAdded

MIGRATIONS = (*OWN_MIGRATIONS, *AGENCY_MIGRATIONS)
"""The cases' own tables, and from 20 those of agents."""

__all__ = [
    "ACTIONS",
    "MIGRATIONS",
    "OUTSIDE",
    "Act",
    "ActSettings",
    "Agency",
    "AgentChanged",
    "AgentsSettings",
    "ApprovalChanged",
    "Arguments",
    "CaseChanged",
    "ExecutorLost",
    "Hand",
    "Mode",
    "Notifier",
    "Process",
    "Reach",
    "Reply",
    "Tool",
    "Touched",
    "TowerAdded",
    "Trade",
    "Use",
    "drawn",
    "follow",
    "load_manuals",
    "look_at",
    "mode_of",
    "read_process",
    "readiness_of",
]
