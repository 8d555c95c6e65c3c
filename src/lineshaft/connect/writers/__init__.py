"""How a value is written to a machine, one protocol a file; only connect/writer.py imports these."""
