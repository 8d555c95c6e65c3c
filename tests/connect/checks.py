"""Rules that every source keeps, ours and others': run `check_source` on a plugin with options that reach a machine."""

from __future__ import annotations

import asyncio
from typing import Any

from lineshaft.connect import Source, SourceEntry, SourceState, SourceStatus, source_plugins
from lineshaft.core import SAMPLES, Section
from tests.connect.conftest import Ear, listening


async def check_source(name: str, options: dict[str, Any]) -> None:
    """Raise AssertionError naming the rule that the plugin breaks."""
    plugin = source_plugins().load(name)
    assert issubclass(plugin.Options, Section), "Options is a frozen Section"
    assert all(field.description for field in plugin.Options.model_fields.values()), "every option says what it is"
    source = SourceEntry.model_validate({"name": "checked", "type": name, **options}).build()
    assert isinstance(source, Source)
    assert source.name == "checked", "the name is the one given"
    assert not [part for part in dir(source) if "write" in part.lower()], "a source has no way to write"
    await _listens(source)
    await _runs_twice(source)


async def _listens(source: Source) -> None:
    async with listening(source) as ear:
        await ear.until(lambda: ear.rows and ear.state in (SourceState.CONNECTED, SourceState.DEGRADED))
        assert all(batch.schema == SAMPLES for batch in ear.rows), "rows are SAMPLES"
        assert all(isinstance(status, SourceStatus) and status.name == "checked" for status in ear.statuses)
        assert ear.statuses[0].state is SourceState.CONNECTING, "the first word is that it is connecting"
        assert ear.statuses[-1].tags_ok > 0, "it counts the tags that work"


async def _runs_twice(source: Source) -> None:
    """Cancelled and run again, it listens again: that is how the gateway restarts it."""
    async with listening(source) as ear:
        await ear.until(lambda: bool(ear.rows))
    async with asyncio.timeout(5):
        idle = Ear()
        async with listening(source, idle):
            pass
