"""Everything on one body: an entity per position of the plant, with components and relations.

Components (latest values, alarms, open orders, spare parts, documents, the serial-numbered thing) are read from the rooms
that own them; relations lead to what an entity is part of and to its neighbours in the flow of material.
"""

from lineshaft.twin.body import Twin
from lineshaft.twin.entity import Components, Entity, Relation, Value

__all__ = ["Components", "Entity", "Relation", "Twin", "Value"]
