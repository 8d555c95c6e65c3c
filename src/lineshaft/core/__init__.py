"""Ground floor: what every room stands on, and nothing a plant engineer would recognise as theirs.

Batch and Quality (how values travel), the clock (UTC nanoseconds), the Bus (who reacts to what), the Database with
numbered migrations, files that are whole on the disk, settings, the plugin registry, units, YAML whose values know
their lines, and the error tree. At most 12 files and 1,500 lines.
"""

from lineshaft.core.batch import SAMPLES, SCHEMA_VERSION, Batch, DataType, Quality, samples
from lineshaft.core.bus import Bus, SystemEvent, SystemEvents, Wire
from lineshaft.core.clock import NS, check_zone, iso, now_ns, parse_duration, parse_time
from lineshaft.core.database import (
    Database,
    Migration,
    after_commit,
    bump,
    create,
    make_engine,
    metadata,
    new_id,
    returned,
    within,
)
from lineshaft.core.durable import fsync, write_whole
from lineshaft.core.errors import (
    ConfigError,
    Conflict,
    CredentialsError,
    Forbidden,
    FormulaError,
    InvalidInput,
    LineshaftError,
    NotAuthenticated,
    NotFound,
    Retryable,
    did_you_mean,
)
from lineshaft.core.marked import Marked, Problem, dump_marked, fit, parse_marked, read_marked
from lineshaft.core.plugins import Registry
from lineshaft.core.settings import Duration, Section, explain, load, sample
from lineshaft.core.units import Unit, check_unit, factor, factor_between, unit_of

__all__ = [
    "NS",
    "SAMPLES",
    "SCHEMA_VERSION",
    "Batch",
    "Bus",
    "ConfigError",
    "Conflict",
    "CredentialsError",
    "DataType",
    "Database",
    "Duration",
    "Forbidden",
    "FormulaError",
    "InvalidInput",
    "LineshaftError",
    "Marked",
    "Migration",
    "NotAuthenticated",
    "NotFound",
    "Problem",
    "Quality",
    "Registry",
    "Retryable",
    "Section",
    "SystemEvent",
    "SystemEvents",
    "Unit",
    "Wire",
    "after_commit",
    "bump",
    "check_unit",
    "check_zone",
    "create",
    "did_you_mean",
    "dump_marked",
    "explain",
    "factor",
    "factor_between",
    "fit",
    "fsync",
    "iso",
    "load",
    "make_engine",
    "metadata",
    "new_id",
    "now_ns",
    "parse_duration",
    "parse_marked",
    "parse_time",
    "read_marked",
    "returned",
    "sample",
    "samples",
    "unit_of",
    "within",
    "write_whole",
]
