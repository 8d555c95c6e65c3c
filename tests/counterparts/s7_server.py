"""An S7 server by the original C snap7 (python-snap7 2.1 wraps it); run in the environment of its own.

python s7_server.py PORT

DB1: 1,000 REAL i * 1.5 at byte 4 i; DB2: bit 0.1, INT -7 at 2, LREAL 2.5 at 8, STRING[10] "LS-07" at 16; MW4 = 4711.
A line on stdin `real INDEX VALUE` changes DB1; `up` is printed when it listens.
"""

import ctypes
import struct
import sys

from snap7.server import Server
from snap7.type import SrvArea

server = Server(log=False)
first, second, markers = ((ctypes.c_uint8 * size)() for size in (4_000, 64, 16))
for i in range(1_000):
    struct.pack_into(">f", first, i * 4, i * 1.5)
struct.pack_into(">B", second, 0, 0b10)
struct.pack_into(">h", second, 2, -7)
struct.pack_into(">d", second, 8, 2.5)
struct.pack_into(">BB10s", second, 16, 10, 5, b"LS-07rest!")
struct.pack_into(">H", markers, 4, 4711)
server.register_area(SrvArea.DB, 1, first)
server.register_area(SrvArea.DB, 2, second)
server.register_area(SrvArea.MK, 0, markers)
server.start_to("127.0.0.1", int(sys.argv[1]))
print("up", flush=True)
for line in sys.stdin:
    _, index, value = line.split()
    struct.pack_into(">f", first, int(index) * 4, float(value))
