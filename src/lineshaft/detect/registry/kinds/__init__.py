"""Kinds of own models, one file each: `open_model(content, inputs)` returns what predicts. They run in a process apart only."""
