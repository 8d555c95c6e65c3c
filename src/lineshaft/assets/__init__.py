"""A number gets meaning: models of machines, the plant as a tree of positions, and which tag is which property.

A path (`Bakery/Line 1/Oven/Temperature`) names a position's property; the serial-numbered thing that stands there has a
history of its own. Series are stored by (source, tag): bindings give them meaning, in versions with from and to, also
afterwards. Everything is looked up in a snapshot in memory; YAML files in, the same YAML files out.
"""

from lineshaft.assets.adopting import Position
from lineshaft.assets.bind import ALWAYS, DERIVED, Span
from lineshaft.assets.importing import Changes
from lineshaft.assets.model import AssetModel, Input, Kind, ModelVersion, PropertyDefinition, of_type
from lineshaft.assets.moving import Moved, within
from lineshaft.assets.register import Assets, AssetsChanged
from lineshaft.assets.snapshot import Stay
from lineshaft.assets.tables import MIGRATIONS
from lineshaft.assets.tabling import COLUMNS as ASSET_COLUMNS
from lineshaft.assets.tabling import PositionRow, rows_of
from lineshaft.assets.tree import Asset, Property

__all__ = [
    "ALWAYS",
    "ASSET_COLUMNS",
    "DERIVED",
    "MIGRATIONS",
    "Asset",
    "AssetModel",
    "Assets",
    "AssetsChanged",
    "Changes",
    "Input",
    "Kind",
    "ModelVersion",
    "Moved",
    "Position",
    "PositionRow",
    "Property",
    "PropertyDefinition",
    "Span",
    "Stay",
    "of_type",
    "rows_of",
    "within",
]
