"""Sensor positions of the plant's machines: commissioned, followed over time, judged, and what raw records of them show.

A position is a child of its machine with properties of its own (state, zone, velocity ...), so that history, trends and
alarms work on what it says; a persistent finding opens the maintenance case of the machine.
"""
