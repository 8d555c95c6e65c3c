"""Own models: registered with versions, data window, metrics, stage and lineage; served, and scoring into asset properties.

Every model runs in a process of its own. ONNX and LightGBM texts can only compute; a pickle or Python code can do anything, so it
is opened only when an engineer registered this very content and said to trust it.
"""
