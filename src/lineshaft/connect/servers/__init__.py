"""The protocols simulators speak: each plugin is a server that shows tags to clients, with a `PLUGIN` class.

A simulator says what the machine does; a server here says it on the wire. Neither is part of a real plant.
"""
