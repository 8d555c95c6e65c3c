"""Formats of models and positions, one file each; all of them hand over the same draft."""
