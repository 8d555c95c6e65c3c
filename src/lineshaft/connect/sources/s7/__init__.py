"""Siemens S7 (300, 400, 1200, 1500): reads data blocks, markers, inputs and outputs by their absolute addresses.

python-snap7 speaks the protocol. An S7-1200 or 1500 must allow PUT/GET and the block must not be optimised: where you may choose,
use the controller's OPC UA server.
"""

from lineshaft.connect.s7_tags import S7Tag
from lineshaft.connect.sources.s7.options import S7Options
from lineshaft.connect.sources.s7.s7 import S7Source

PLUGIN = S7Source

__all__ = ["PLUGIN", "S7Options", "S7Source", "S7Tag"]
