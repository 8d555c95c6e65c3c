"""Someone fixes it: work orders with checklist and history, spare parts that never go below zero, purchases.

An order goes from request to closed and coded, can be held and resumed, and tells waiting apart from repair. Spares are a
ledger of moves. A purchase is proposed, approved by a second person and handed to an ERP plugin (`erps/`) exactly once.
Everything that changes takes the transaction of the caller; events are told after its commit.
"""

from lineshaft.maintain.codes import LISTS, check_closing
from lineshaft.maintain.events import OrderChanged, PurchaseChanged, ReturnedToService, SpareLow
from lineshaft.maintain.kpi import Repair, RepairTimes, repair_of, repair_times
from lineshaft.maintain.order import Orders
from lineshaft.maintain.purchase import Purchases
from lineshaft.maintain.settings import MaintainSettings
from lineshaft.maintain.spare import Spares
from lineshaft.maintain.steps import State, possible
from lineshaft.maintain.stockfile import load_spares
from lineshaft.maintain.tables import MIGRATIONS, add_series, next_number

__all__ = [
    "LISTS",
    "MIGRATIONS",
    "MaintainSettings",
    "OrderChanged",
    "Orders",
    "PurchaseChanged",
    "Purchases",
    "Repair",
    "RepairTimes",
    "ReturnedToService",
    "SpareLow",
    "Spares",
    "State",
    "add_series",
    "check_closing",
    "load_spares",
    "next_number",
    "possible",
    "repair_of",
    "repair_times",
]
