"""Someone fixes it: work orders, permits, people, plans and instructions, spare parts that never go below zero, purchases.

An order goes from request to closed and coded, can be held and resumed, and tells waiting apart from repair. Spares are a
ledger of moves. A purchase is proposed, approved by a second person and handed to an ERP plugin (`erps/`) exactly once.
Everything that changes takes the transaction of the caller; events are told after its commit.
"""

from lineshaft.maintain.b2mml import Answered
from lineshaft.maintain.b2mml import read as read_b2mml
from lineshaft.maintain.b2mml import write as write_b2mml
from lineshaft.maintain.buyer import Buyer
from lineshaft.maintain.codebook import rows_of_csv
from lineshaft.maintain.codes import LISTS, check_closing
from lineshaft.maintain.connectors import make_connector
from lineshaft.maintain.courier import Courier
from lineshaft.maintain.ended import ended_lives
from lineshaft.maintain.events import OrderChanged, PurchaseChanged, ReturnedToService, SpareLow
from lineshaft.maintain.instruction import steps_of_table
from lineshaft.maintain.intake import ORDER_COLUMNS, PART_COLUMNS, Intake
from lineshaft.maintain.inventory import Inventory, label, sheet
from lineshaft.maintain.kpi import Repair, RepairTimes, repair_of, repair_times
from lineshaft.maintain.order import Orders
from lineshaft.maintain.outgoing import Errand, Outgoing
from lineshaft.maintain.partner import Partner, way_to
from lineshaft.maintain.purchase import Purchases
from lineshaft.maintain.settings import MaintainSettings
from lineshaft.maintain.spare import Spares
from lineshaft.maintain.steps import State, possible
from lineshaft.maintain.stockfile import load_spares
from lineshaft.maintain.tables import MIGRATIONS, add_series, next_number
from lineshaft.maintain.tabular import SPREADSHEET, Wrong, read_table, write_csv, write_excel
from lineshaft.maintain.webhook import Webhooks
from lineshaft.maintain.webhook_settings import WebhooksSettings
from lineshaft.maintain.workfile import load_workshop
from lineshaft.maintain.workshop import Workshop

__all__ = [
    "LISTS",
    "MIGRATIONS",
    "ORDER_COLUMNS",
    "PART_COLUMNS",
    "SPREADSHEET",
    "Answered",
    "Buyer",
    "Courier",
    "Errand",
    "Intake",
    "Inventory",
    "MaintainSettings",
    "OrderChanged",
    "Orders",
    "Outgoing",
    "Partner",
    "PurchaseChanged",
    "Purchases",
    "Repair",
    "RepairTimes",
    "ReturnedToService",
    "SpareLow",
    "Spares",
    "State",
    "Webhooks",
    "WebhooksSettings",
    "Workshop",
    "Wrong",
    "add_series",
    "check_closing",
    "ended_lives",
    "label",
    "load_spares",
    "load_workshop",
    "make_connector",
    "next_number",
    "possible",
    "read_b2mml",
    "read_table",
    "repair_of",
    "repair_times",
    "rows_of_csv",
    "sheet",
    "steps_of_table",
    "way_to",
    "write_b2mml",
    "write_csv",
    "write_excel",
]
