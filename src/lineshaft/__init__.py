"""Lineshaft: the data shaft of a plant, from a machine's signal to a wrench in a hand.

The rooms, in the order of the data (a room may look back to where its data came from, never ahead):

core        ground floor: batches, time, bus, database, settings, plugins, errors
client      a plant from Python, over the REST door of a running node
guard       who may do what: users, roles, tokens, one gate, the audit chain
connect     machines speak: sources, gateway, edge buffer, simulators
assets      a number gets meaning: models, tree, binding
production  what was being made: products, orders, lots, calendars
store       nothing is lost: journal, hot table, lake, ledger, documents
compute     values become figures: formulas, transforms, metrics, OEE
detect      notice the unusual: alarms, findings
maintain    someone fixes it: work orders, spares, purchases
act         who does which task: processes, matrix, approvals
twin        everything on one body: an entity an asset
see, doors  the web interface and the APIs
"""

__version__ = "0.1.0"
