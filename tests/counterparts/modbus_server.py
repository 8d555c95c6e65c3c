"""A Modbus server whose protocol is libmodbus (C), driven through ctypes: nothing here speaks Modbus itself.

python modbus_server.py tcp PORT            registers i = i, input registers i = 2 i, coil i = i is odd
python modbus_server.py rtu DEVICE UNIT     the same on a serial line

A line on stdin `set ADDRESS VALUE` changes a holding register; `up` is printed when it listens. Addresses 0 to 1999 exist.
"""

from __future__ import annotations

import ctypes
import sys
import threading

COUNT = 2_000


class Mapping(ctypes.Structure):
    """modbus_mapping_t of modbus.h (3.1)."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("nb_bits", "start_bits", "nb_input_bits", "start_input_bits")),
        *((name, ctypes.c_int) for name in ("nb_input_registers", "start_input_registers", "nb_registers", "start_registers")),
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)),
        ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    )


def library() -> ctypes.CDLL:
    lib = ctypes.CDLL("libmodbus.so.5", use_errno=True)
    lib.modbus_new_tcp.restype = lib.modbus_new_rtu.restype = ctypes.c_void_p
    lib.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
    for name in ("modbus_set_slave", "modbus_connect", "modbus_close", "modbus_tcp_listen", "modbus_receive", "modbus_reply"):
        getattr(lib, name).argtypes = None
    return lib


def obey(mapping: Mapping) -> None:
    """Change registers as stdin says."""
    for line in sys.stdin:
        _, address, value = line.split()
        mapping.tab_registers[int(address)] = int(value) & 0xFFFF


def main(kind: str, where: str, unit: int = 1) -> None:
    lib = library()
    mapping = lib.modbus_mapping_new(COUNT, COUNT, COUNT, COUNT)
    for i in range(COUNT):
        mapping.contents.tab_registers[i] = i
        mapping.contents.tab_input_registers[i] = 2 * i
        mapping.contents.tab_bits[i] = mapping.contents.tab_input_bits[i] = i % 2
    threading.Thread(target=obey, args=(mapping.contents,), daemon=True).start()
    query = (ctypes.c_uint8 * 260)()
    if kind == "rtu":
        line = ctypes.c_void_p(lib.modbus_new_rtu(where.encode(), 115_200, ctypes.c_char(b"N"), 8, 1))
        lib.modbus_set_slave(line, unit)
        if lib.modbus_connect(line):
            sys.exit("no such device")
        print("up", flush=True)
        while True:
            if (got := lib.modbus_receive(line, query)) > 0:
                lib.modbus_reply(line, query, got, mapping)
    line = ctypes.c_void_p(lib.modbus_new_tcp(b"127.0.0.1", int(where)))
    socket = ctypes.c_int(lib.modbus_tcp_listen(line, 4))
    print("up", flush=True)
    while True:
        lib.modbus_tcp_accept(line, ctypes.byref(socket))
        while (got := lib.modbus_receive(line, query)) >= 0:
            if got:
                lib.modbus_reply(line, query, got, mapping)
        lib.modbus_close(line)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(word) for word in sys.argv[3:]))
