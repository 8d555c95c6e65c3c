"""The configuration an edge runs on: checked, applied whole, on trial until what it names is up, else the one before again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from lineshaft.connect.authority import verified
from lineshaft.connect.edge.identity import Identity
from lineshaft.connect.edge.uns import NAME
from lineshaft.connect.edge.versions import EdgeConfig, canonical, must_be_approved, read_config
from lineshaft.connect.source import SourceState, SourceStatus
from lineshaft.core import Forbidden, LineshaftError, write_whole

Version = dict[str, Any]
UP = frozenset({SourceState.CONNECTED, SourceState.DEGRADED})
MOST_STARTS = 3
"""How often a configuration on trial may be started before it is taken for what ends the node."""


class Applied:
    """What an edge was given and what became of it; one file, written whole: a kill finds the one before or the new one."""

    def __init__(self, folder: Path, own: EdgeConfig, check: Callable[[EdgeConfig], None] = lambda _config: None) -> None:
        self._path = folder / "config.json"
        self._own = own
        self._check_parts = check
        said: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        self._current: Version | None = said.get("current")
        self._previous: Version | None = said.get("previous")
        self.trial: bool = said.get("trial", False)
        self.starts: int = said.get("starts", 0)
        self.refused: dict[str, Any] | None = said.get("refused")

    @property
    def number(self) -> int:
        """The version that runs; 0 is the node's own settings."""
        return int(self._current["number"]) if self._current else 0

    def config(self) -> EdgeConfig:
        """Return what runs."""
        return read_config(str(self._current["text"])) if self._current else self._own

    def before(self) -> EdgeConfig:
        """Return what ran before."""
        return read_config(str(self._previous["text"])) if self._previous else self._own

    def offer(self, identity: Identity, wanted: Version | None) -> bool:
        """Take what the plant wants; return whether it is to run from now on, on trial."""
        number = int(wanted["number"]) if wanted else 0
        if number == self.number or (self.refused is not None and self.refused["number"] == number):
            return False
        try:
            if wanted is not None:
                self._check(identity, wanted)
        except LineshaftError as error:
            self.refused = {"number": number, "reason": str(error)}
            self._save()
            return False
        self._previous, self._current, self.trial, self.starts, self.refused = self._current, wanted, True, 0, None
        self._save()
        return True

    def starting(self) -> bool:
        """Note a start of a version on trial; return False, the one before in its place, when it was started too often."""
        if not self.trial:
            return True
        if self.starts >= MOST_STARTS:
            self.roll_back(f"the node ended {self.starts} times before this configuration was well")
            return False
        self.starts += 1
        self._save()
        return True

    def keep(self) -> None:
        """Keep the version on trial: it is well."""
        self.trial = False
        self._save()

    def roll_back(self, reason: str) -> None:
        """Run the version before again; the one on trial is not well, and not taken until another was wanted."""
        self.refused = {"number": self.number, "reason": reason}
        self._current, self._previous, self.trial = self._previous, None, False
        self._save()

    def must_be_up(self, statuses: Iterable[SourceStatus]) -> set[str]:
        """Return what the version on trial is judged by: what is new in it, what it changed, and what was up before it."""
        before = _parts(self.before())
        were_up = {status.name for status in statuses if status.state in UP}
        return {name for name, entry in _parts(self.config()).items() if before.get(name) != entry or name in were_up}

    def told(self) -> Mapping[str, Any]:
        """Return what the plant is told."""
        return {"number": self.number, "trial": self.trial, "refused": self.refused}

    def _check(self, identity: Identity, wanted: Version) -> None:
        if not verified(identity.ca, canonical(identity.name, wanted), str(wanted["signature"])):
            raise Forbidden("this configuration is not signed by this node's plant, or not for this node", code="edge.signature")
        config = read_config(str(wanted["text"]))
        if must_be_approved(config) and wanted["approved_by"] in ("", wanted["by"]):
            raise Forbidden("no second person approved this configuration", code="edge.approval")
        self._check_parts(config)

    def _save(self) -> None:
        said = {"current": self._current, "previous": self._previous, "trial": self.trial, "refused": self.refused}
        write_whole(self._path, json.dumps({**said, "starts": self.starts}).encode())


def _parts(config: EdgeConfig) -> dict[str, object]:
    """Return what has a status, by name."""
    entries = (*config.sources.entries, *config.functions.entries, *config.detectors.entries)
    return {**{one.name: one for one in entries}, **({NAME: config.uns} if config.uns.url else {})}


def down(statuses: Iterable[SourceStatus], must: set[str]) -> dict[str, str]:
    """Return which of these are not up, and what they say."""
    found = {status.name: status for status in statuses if status.name in must}
    return {name: found[name].message or found[name].state.value for name in sorted(found) if found[name].state not in UP}
