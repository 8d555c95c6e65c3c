"""Measured promises: ours beside a peer that people know, on this machine, in one run."""
