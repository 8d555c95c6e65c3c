"""An asset's own properties show what a model says of it, where the asset's model has such properties."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from lineshaft.assets import Assets


def show(tx: Connection, assets: Assets, asset: str, shown: Mapping[str, str], source: str, tag: str, since: int) -> None:
    """Bind the properties named in `shown` (in small letters) to `tag/...` of a source; one that shows it already stays."""
    for one in assets.properties(asset):
        part = shown.get(one.name.lower())
        if part is not None and all(span.source != source for span in assets.spans(one.id)):
            assets.bind(tx, one.path, source, f"{tag}/{part}", since)
