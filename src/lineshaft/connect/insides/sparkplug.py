"""Sparkplug B: groups, edge nodes and devices with their metrics, as they are born or asked for their birth."""

from __future__ import annotations

from typing import Any, ClassVar

from lineshaft.connect.rehearsal import Once
from lineshaft.connect.sight import Inside, Pick, Remark, Seen, Wish, short
from lineshaft.connect.sources.sparkplug.options import SparkplugOptions
from lineshaft.connect.sources.sparkplug.sparkplug import SparkplugSource
from lineshaft.core import new_id


class SparkplugInside:
    """Listens for a few seconds as a host without a name of its own; the protocol's request for a birth changes no value."""

    FILL: ClassVar[dict[str, Any]] = {}

    async def look(self, name: str, options: SparkplugOptions, wish: Wish) -> Seen:
        """Return who was heard. Raises OSError or CredentialsError where the broker does not let us in."""
        own = options.model_copy(update={"host_id": "", "client_id": f"lineshaft-{name[:30]}-look-{new_id()[:8]}"})
        source = SparkplugSource(name, own)
        out = Once()
        await source.listen_for(out, wish.seconds)
        items: dict[str, Inside] = {}
        for system in source.systems():
            _note(items, system, out)
        said = {"n": sum(one.kind == "value" for one in items.values()), "seconds": wish.seconds}
        return Seen(
            list(items.values()), (Remark("inside.born", "{n} metrics were heard within {seconds:g} s".format(**said), said),)
        )


def _note(items: dict[str, Inside], system: dict[str, Any], out: Once) -> None:
    levels, parent = str(system["path"]).split("/"), ""
    for n, level in enumerate(levels, 1):
        path = "/".join(levels[:n])
        if path not in items:
            items[path] = Inside(path, parent, level, "branch", pick=Pick("groups", level) if n == 1 else None)
        parent = path
    for tag in system["tags"]:
        last = out.last.get(tag)
        name = str(tag).removeprefix(f"{parent}/")
        items[f"{tag} "] = Inside(f"{tag} ", parent, name, "value", "", short(last["value"]) if last else "")


PLUGIN = SparkplugInside
