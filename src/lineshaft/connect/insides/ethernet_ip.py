"""A Logix controller: the list of tags it gives out itself, structures with their members, and what each says now."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, cast

from pylogix import PLC

from lineshaft.connect.poll import Budget, LineLost
from lineshaft.connect.sight import Inside, Pick, Remark, Seen, Wish, cut, short
from lineshaft.connect.sources.ethernet_ip.ethernet_ip import close, line_gone, pace
from lineshaft.connect.sources.ethernet_ip.options import EthernetIpOptions

MOST_VALUES = 300
ATOMIC = ("BOOL", "SINT", "INT", "DINT", "LINT", "USINT", "UINT", "UDINT", "ULINT", "REAL", "LREAL", "STRING")
NO_LIST = "the controller gives out no list of its tags: {status}; write their names, or export them from its engineering tool"


class EthernetIpInside:
    """Asks for the list of tags within the controller's budget."""

    FILL: ClassVar[dict[str, Any]] = {"tags_file": "none yet"}

    async def look(self, name: str, options: EthernetIpOptions, wish: Wish) -> Seen:
        """Return every tag; members of structures below them."""
        del name
        plc = cast("Any", PLC(options.host, options.slot, options.seconds("timeout"), options.micro800, options.port))
        pace(plc, Budget(options.requests_per_second))
        thread = ThreadPoolExecutor(1, "lineshaft-logix-look")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(thread, lambda: seen_of(plc, options, wish))
        finally:
            close(plc)  # which also ends the wait of a look that was cancelled
            thread.shutdown(wait=False)


def seen_of(plc: Any, options: EthernetIpOptions, wish: Wish) -> Seen:
    """Return what a controller tells of itself through pylogix. Raises LineLost."""
    try:
        answer = plc.GetTagList()
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:  # what pylogix raises at half an answer
        raise LineLost(f"{options.host}:{options.port}: {error}") from None
    if line_gone(answer.Status):
        where = f"{options.host}:{options.port}, slot {options.slot}"
        raise LineLost(f"nobody answers at {where}: {answer.Status}")
    tags = [tag for tag in answer.Value or [] if not tag.TagName.startswith("__")]
    if not tags:
        return Seen([], (Remark("inside.noList", NO_LIST.format(status=answer.Status), {"status": str(answer.Status)}),))
    items = [item for tag in tags for item in _items(plc, tag, "", tag.TagName)]
    most = 20 * wish.most
    values = _values(plc, [one.id for one in items if one.kind == "value"][:MOST_VALUES])
    shown = [_valued(one, values) for one in items[:most]]
    return Seen(shown, (cut(most),) if len(items) > most else ())


def _items(plc: Any, tag: Any, parent: str, name: str, depth: int = 0) -> list[Inside]:
    """Return a tag, and below a structure its members."""
    path = f"{parent}.{name}" if parent else name
    count = int(getattr(tag, "Size", 0) or 0) if getattr(tag, "Array", 0) else 0
    kind = str(getattr(tag, "DataType", "") or "")
    shown = f"{kind}[{count}]" if count else kind
    shape = plc.UDTByName.get(kind) if kind not in ATOMIC else None
    if shape is None:
        if kind and kind not in ATOMIC:
            return [Inside(path, parent, name, "branch", shown)]
        value: dict[str, Any] = {"at": f"{path}[0]", "name": path, "count": count} if count else {"at": path}
        return [Inside(path, parent, name, "value", shown, pick=Pick("tags", value))]
    here = f"{path}[0]" if count else path
    own = [Inside(here, parent, name if not count else f"{name}[0]", "branch", shown)]
    if depth >= 4:
        return own
    fields = [field for field in shape.Fields if field.TagName and not field.TagName.startswith(("__", "ZZZZ"))]
    return own + [item for field in fields for item in _items(plc, field, here, str(field.TagName), depth + 1)]


def _values(plc: Any, names: list[str]) -> dict[str, str]:
    """Return what tags say now; those that refuse say nothing."""
    if not names:
        return {}
    try:
        answers = plc.Read(names)
    except (OSError, ValueError, TypeError, KeyError, IndexError):
        return {}
    answers = answers if isinstance(answers, list) else [answers]
    return {
        name: short(answer.Value)
        for name, answer in zip(names, cast("list[Any]", answers), strict=False)
        if answer.Status == "Success" and answer.Value is not None and not isinstance(answer.Value, bytes)
    }


def _valued(one: Inside, values: dict[str, str]) -> Inside:
    return Inside(one.id, one.parent, one.name, one.kind, one.type, values.get(one.id, ""), pick=one.pick)


PLUGIN = EthernetIpInside
