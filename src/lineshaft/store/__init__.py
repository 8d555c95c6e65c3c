"""Nothing is lost: what a machine said is durable before it is acknowledged, and found again in milliseconds.

The way of a value here: judged (future, type, quality), given its series number, journalled (SQLite, fsync), shown in memory
(DuckDB and last-value arrays), flushed to sorted Parquet in Delta tables anyone can read, compacted a day at a time.
Reads see memory and lake as one; the key is (series, time in ns, quality) and the last arrival wins. The ledger accounts
for every value. A series is (source, tag): what it means is asked of the assets room and may be decided later.
"""

from lineshaft.store.bulk import REASONS, Aim, Imported, Imports
from lineshaft.store.catalog import Catalog, Derivation, Listing
from lineshaft.store.coldtier import write as write_cold_tier
from lineshaft.store.cost import TIERS, Costs, CostSettings, Held, Prognosis, Scale, Terms, cost_told, rules_of, size_told
from lineshaft.store.document import Document, Documents
from lineshaft.store.etl import Etl, Job, Run, fence
from lineshaft.store.image import LARGEST, Image, Images, Seen, described, suffix_of
from lineshaft.store.importing import CHUNK, ImportJob, ImportJobs
from lineshaft.store.last import NEVER
from lineshaft.store.ledger import Example, LedgerRow
from lineshaft.store.legacy import CODES, LAYOUTS, SITEWISE, UNITS, Reading
from lineshaft.store.meaning import Meaning, Ref, Tag
from lineshaft.store.outside import TABLES, files_of
from lineshaft.store.parallel import Pair, compare
from lineshaft.store.past import Stretch
from lineshaft.store.query import AGGREGATES, Latest
from lineshaft.store.questions import QUESTIONS, Question
from lineshaft.store.sampled import Method, interpolated, time_weighted
from lineshaft.store.samples import Plant
from lineshaft.store.settings import StoreSettings
from lineshaft.store.sql import Answer, Asked, Workbench
from lineshaft.store.statement import SqlError
from lineshaft.store.store import Store
from lineshaft.store.stored import DERIVED, HINTS, STORED, Rejection, Stored, nothing
from lineshaft.store.tables import MIGRATIONS
from lineshaft.store.tablet import Change, Tablets
from lineshaft.store.tiers import Holding, Rule, Tier, TiersSettings
from lineshaft.store.tiers.outside import Outside, try_bucket
from lineshaft.store.view import Field, Range, View

__all__ = [
    "AGGREGATES",
    "CHUNK",
    "CODES",
    "DERIVED",
    "HINTS",
    "LARGEST",
    "LAYOUTS",
    "MIGRATIONS",
    "NEVER",
    "QUESTIONS",
    "REASONS",
    "SITEWISE",
    "STORED",
    "TABLES",
    "TIERS",
    "UNITS",
    "Aim",
    "Answer",
    "Asked",
    "Catalog",
    "Change",
    "CostSettings",
    "Costs",
    "Derivation",
    "Document",
    "Documents",
    "Etl",
    "Example",
    "Field",
    "Held",
    "Holding",
    "Image",
    "Images",
    "ImportJob",
    "ImportJobs",
    "Imported",
    "Imports",
    "Job",
    "Latest",
    "LedgerRow",
    "Listing",
    "Meaning",
    "Method",
    "Outside",
    "Pair",
    "Plant",
    "Prognosis",
    "Question",
    "Range",
    "Reading",
    "Ref",
    "Rejection",
    "Rule",
    "Run",
    "Scale",
    "Seen",
    "SqlError",
    "Store",
    "StoreSettings",
    "Stored",
    "Stretch",
    "Tablets",
    "Tag",
    "Terms",
    "Tier",
    "TiersSettings",
    "View",
    "Workbench",
    "compare",
    "cost_told",
    "described",
    "fence",
    "files_of",
    "interpolated",
    "nothing",
    "rules_of",
    "size_told",
    "suffix_of",
    "time_weighted",
    "try_bucket",
    "write_cold_tier",
]
