"""Sparkplug B: a host application that hears edge nodes and devices being born, speaking and dying, by its own codec.

It keeps births and aliases, watches the sequence, asks for a rebirth when it missed something (never in a storm), and makes the
tags of a dead node bad.
"""

from lineshaft.connect.sources.sparkplug.options import SparkplugOptions
from lineshaft.connect.sources.sparkplug.sparkplug import SparkplugSource

PLUGIN = SparkplugSource

__all__ = ["PLUGIN", "SparkplugOptions", "SparkplugSource"]
