"""Reads data block 1 by the original C snap7 (python-snap7 2.1 wraps it); run in the environment of its own.

python s7_client.py PORT BYTES
"""

import sys

from snap7.client import Client

client = Client()
client.connect("127.0.0.1", 0, 1, int(sys.argv[1]))
print(bytes(client.db_read(1, 0, int(sys.argv[2]))).hex(), flush=True)
client.disconnect()
