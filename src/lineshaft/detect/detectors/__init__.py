"""Detectors: one file each; what a detector must be able to do stands in `detect/detector.py`."""
