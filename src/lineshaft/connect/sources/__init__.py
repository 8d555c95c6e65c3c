"""Protocols machines speak: one plugin a file or folder, each with a `PLUGIN` class and its `Options`.

Plugins do not know each other; a protocol's library is imported in its own plugin only.
"""
