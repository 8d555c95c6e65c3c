"""Scheduled ETL: jobs of SQL and Python steps that write named tables of the lake, with a history of every run.

A job is a YAML file in HOME/etl, known by the hash of its text and of its Python files. It runs as its owner - what the
owner may not see, the job does not read - and each step notes in the table it writes until when it has got.
"""

from lineshaft.store.etl.child import fence
from lineshaft.store.etl.job import Job, PythonStep, Step, read_jobs
from lineshaft.store.etl.runner import Etl, Run

__all__ = ["Etl", "Job", "PythonStep", "Run", "Step", "fence", "read_jobs"]
