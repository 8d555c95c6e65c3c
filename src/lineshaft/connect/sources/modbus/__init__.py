"""Modbus TCP and RTU: asks a controller for its registers in few large blocks and decodes each block in one stroke.

pymodbus speaks the protocol; which registers are asked together, what a refused block means and how bytes become values is ours.
"""

from lineshaft.connect.registers import ModbusTag
from lineshaft.connect.sources.modbus.modbus import ModbusSource
from lineshaft.connect.sources.modbus.options import ModbusOptions

PLUGIN = ModbusSource

__all__ = ["PLUGIN", "ModbusOptions", "ModbusSource", "ModbusTag"]
