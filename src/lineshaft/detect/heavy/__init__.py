"""Heavy jobs: trainings, in processes of their own on this node or on the machines of a Dask scheduler, by one interface.

`Trainings` holds the places and the engine; `detect/apart.py` is one job's way through them.
"""
