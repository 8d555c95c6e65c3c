"""Notice the unusual: alarms an operator trusts, and findings of models as alerts for maintenance.

Alarms follow ISA-18.2 (deadband, on and off delay in event time, latching, shelving with reason and end) and judge the
rows the store keeps, many definitions at once. Their state is on disk: rows delivered again change nothing. Bad values are
never judged, and an alarm whose input is bad says so. Findings come in over the API and get a label when the work is done.
"""

from lineshaft.detect.definition import AlarmDefinition
from lineshaft.detect.events import AlarmChanged, AlarmCleared, AlarmRaised, FindingRaised
from lineshaft.detect.finding import LABELS
from lineshaft.detect.fitting import definitions
from lineshaft.detect.fleet.fleets import Fleets
from lineshaft.detect.fleet.lives import End
from lineshaft.detect.fleet.tables import MIGRATIONS as _LIFE
from lineshaft.detect.forgetting import KINDS, OldFindings, OldRecords, OldVersions, Page
from lineshaft.detect.forgotten_tables import MIGRATIONS as _FORGOTTEN
from lineshaft.detect.heavy.settings import TrainingSettings
from lineshaft.detect.heavy.trainings import Trainings
from lineshaft.detect.kpi import Kpis
from lineshaft.detect.lifecycle import HIDDEN, SHOWN, AlarmState
from lineshaft.detect.machines.events import ModelMoved
from lineshaft.detect.machines.labelfile import read_labels, write_labels
from lineshaft.detect.machines.machines import Machines
from lineshaft.detect.place_tables import MIGRATIONS as _PLACES
from lineshaft.detect.position_tables import MIGRATIONS as _POSITIONS
from lineshaft.detect.positions.intake import positions_read, positions_table, positions_take
from lineshaft.detect.positions.loading import load_positions
from lineshaft.detect.positions.positions import Positions
from lineshaft.detect.positions.records import Records
from lineshaft.detect.positions.scan import candidates
from lineshaft.detect.rank import Impact
from lineshaft.detect.rationalisation import Decision
from lineshaft.detect.registry.mlflow import export as to_mlflow
from lineshaft.detect.registry.mlflow import read as from_mlflow
from lineshaft.detect.registry.registry import ModelRegistry
from lineshaft.detect.registry.tables import MIGRATIONS as _REGISTRY
from lineshaft.detect.settings import AlarmsSettings, ConditionSettings
from lineshaft.detect.tables import MIGRATIONS as _ALARMS
from lineshaft.detect.watch import Detect

MIGRATIONS = (*_ALARMS, *_PLACES, *_POSITIONS, *_LIFE, *_REGISTRY, *_FORGOTTEN)

__all__ = [
    "HIDDEN",
    "KINDS",
    "LABELS",
    "MIGRATIONS",
    "SHOWN",
    "AlarmChanged",
    "AlarmCleared",
    "AlarmDefinition",
    "AlarmRaised",
    "AlarmState",
    "AlarmsSettings",
    "ConditionSettings",
    "Decision",
    "Detect",
    "End",
    "FindingRaised",
    "Fleets",
    "Impact",
    "Kpis",
    "Machines",
    "ModelMoved",
    "ModelRegistry",
    "OldFindings",
    "OldRecords",
    "OldVersions",
    "Page",
    "Positions",
    "Records",
    "TrainingSettings",
    "Trainings",
    "candidates",
    "definitions",
    "from_mlflow",
    "load_positions",
    "positions_read",
    "positions_table",
    "positions_take",
    "read_labels",
    "to_mlflow",
    "write_labels",
]
