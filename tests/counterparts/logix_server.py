"""A Logix tag server by cm-ethernetip; run in the environment of its own.

python logix_server.py PORT    Speed REAL 72.5, Count DINT 7, SCADA DINT[1000] 0, T0 ... T199 REAL i
`count N` on stdin sets Count; `up` is printed when it listens.
"""

import asyncio
import sys

from ethernetip.cip.identity_info import IdentityInfo
from ethernetip.logix import data_types as dt
from ethernetip.logix.logix_dispatcher import LogixDispatcher
from ethernetip.logix.tag_database import TagDatabase
from ethernetip.protocol.eip_adapter import EipAdapter


async def main() -> None:
    tags = TagDatabase()
    tags.add_tag("Speed", dt.REAL).write_real(0, 72.5)
    count = tags.add_tag("Count", dt.DINT)
    count.write_dint(0, 7)
    tags.add_tag("SCADA", dt.DINT, element_count=1000)
    for i in range(200):
        tags.add_tag(f"T{i}", dt.REAL).write_real(0, float(i))
    identity = IdentityInfo(product_name="Counterpart")
    adapter = EipAdapter(LogixDispatcher(tags, identity), identity)
    await adapter.listen("127.0.0.1", int(sys.argv[1]))
    print("up", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        count.write_dint(0, int(line.split()[1]))


asyncio.run(main())
