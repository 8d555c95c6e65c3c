"""An MQTT broker: the topics that speak while we listen, retained ones too, and the fields of their JSON."""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar, cast

from lineshaft.connect.broker import Broker
from lineshaft.connect.sight import Inside, Pick, Remark, Seen, Wish, cut, short
from lineshaft.connect.sources.mqtt.options import MqttOptions
from lineshaft.core import Duration, InvalidInput, new_id

ANY = {"filter": "#"}
LARGEST = 20_000
CLEAN: Duration = "0s"


class MqttInside:
    """Listens to what is written in `topics`, or to everything, for a few seconds; nothing is acknowledged or kept."""

    FILL: ClassVar[dict[str, Any]] = {"topics": [ANY]}

    async def look(self, name: str, options: MqttOptions, wish: Wish) -> Seen:
        """Return the topics heard, as a tree of their levels."""
        if options.listens:
            hint = "each device is given a name and a secret under 'access of machines'"
            raise InvalidInput("here devices call us: there is no broker to look into", hint=hint, code="inside.listens")
        own = options.model_copy(update={"session": CLEAN, "client_id": f"lineshaft-{name[:30]}-look-{new_id()[:8]}"})
        heard: dict[str, bytes] = {}

        async def take(topic: str, payload: bytes, _retained: bool) -> None:
            if topic in heard or len(heard) < wish.most:
                heard[topic] = payload[:LARGEST]

        filters = [(topic.filter, 0) for topic in options.topics]
        async with Broker(name, own).session(take, filters) as lost:
            await asyncio.wait({lost}, timeout=wish.seconds)
        items: dict[str, Inside] = {}
        for topic in sorted(heard):
            _note(items, topic, heard[topic])
        more = (cut(wish.most),) if len(heard) >= wish.most else ()
        said = {"n": len(heard), "seconds": wish.seconds}
        return Seen(
            list(items.values()),
            (Remark("inside.heard", f"{len(heard)} topics spoke within {wish.seconds:g} s", said), *more),
        )


def _note(items: dict[str, Inside], topic: str, payload: bytes) -> None:
    levels, parent = topic.split("/"), ""
    for n, level in enumerate(levels[:-1], 1):
        path = "/".join(levels[:n])
        if f"{path}/#" not in items:
            items[f"{path}/#"] = Inside(
                f"{path}/#", parent, level or "(empty)", "branch", pick=Pick("topics", {"filter": f"{path}/#"})
            )
        parent = f"{path}/#"
    fields = _fields(payload)
    text = payload.decode("utf-8", "replace")
    items[topic] = Inside(
        topic,
        parent,
        levels[-1] or "(empty)",
        "branch" if fields else "value",
        "JSON" if fields else "",
        "" if fields else short(text),
        pick=Pick("topics", {"filter": topic}),
    )
    for path, value in fields.items():
        wanted = Pick("topics", {"filter": topic, "payload": "json", "fields": [path], "tag": "{topic}/{path}"})
        items[f"{topic} {path}"] = Inside(f"{topic} {path}", topic, path, "value", _type(value), short(value), pick=wanted)


def _fields(payload: bytes) -> dict[str, object]:
    """Return the scalar fields of a JSON object by their paths a.b."""
    try:
        told: object = json.loads(payload)
    except ValueError:
        return {}
    found: dict[str, object] = {}

    def walk(value: object, path: str, depth: int) -> None:
        if isinstance(value, dict) and depth < 8:
            for name, below in cast("dict[str, object]", value).items():
                walk(below, f"{path}.{name}" if path else name, depth + 1)
        elif path and value is not None and not isinstance(value, list | dict):
            found[path] = value

    walk(told, "", 0)
    return found


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


PLUGIN = MqttInside
