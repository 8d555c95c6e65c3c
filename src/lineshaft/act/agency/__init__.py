"""Agents and what holds them: a register, a leash at the gate, a purse a day, a switch, and trust that is earned.

Whatever is no person - an agent of this node, a program from outside - is registered here before it may do anything, reads and
proposes through the same gate as everybody, and can be stopped with one switch.
"""

from lineshaft.act.agency.agency import Agency
from lineshaft.act.agency.doors import tool_doors
from lineshaft.act.agency.reach import Reach
from lineshaft.act.agency.register import OUTSIDE, AgentChanged
from lineshaft.act.agency.runs import diff
from lineshaft.act.agency.settings import AgentsSettings, Endpoint
from lineshaft.act.agency.staff import Staff
from lineshaft.act.agency.tables import MIGRATIONS
from lineshaft.act.agency.toolbox import Arguments, Tool, Use
from lineshaft.act.agency.toolbox import Doors as ToolDoors
from lineshaft.act.agency.trade import Reply, Trade
from lineshaft.act.agency.trust import wilson

__all__ = [
    "MIGRATIONS",
    "OUTSIDE",
    "Agency",
    "AgentChanged",
    "AgentsSettings",
    "Arguments",
    "Endpoint",
    "Reach",
    "Reply",
    "Staff",
    "Tool",
    "ToolDoors",
    "Trade",
    "Use",
    "diff",
    "tool_doors",
    "wilson",
]
