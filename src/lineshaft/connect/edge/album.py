"""Pictures on their way from an edge node to its plant's album: files of HOME/inbox/images, gone once the plant has them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lineshaft.core import InvalidInput, LineshaftError, Retryable, fsync, iso

log = logging.getLogger("lineshaft.edge")
SETTLED_S = 2.0
Send = Callable[[bytes, Mapping[str, Any]], None]


class Outbox:
    """The folder; one the plant refuses goes to `refused` with the reason, as the plant's own inbox does."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "inbox" / "images"

    def waiting(self) -> Iterator[Path]:
        """Return pictures that are written to the end, oldest first."""
        found = [path for path in self._folder.iterdir() if path.is_file()] if self._folder.is_dir() else []
        for path in sorted(found, key=lambda one: one.stat().st_mtime_ns):
            whole = time.time() - path.stat().st_mtime > SETTLED_S
            if whole and path.suffix != ".json" and not path.name.startswith("."):
                yield path

    def send(self, send: Send) -> int:
        """Send all that wait; return how many the plant has now. Raises Retryable while it cannot be reached."""
        sent = 0
        for path in tuple(self.waiting()):
            beside = path.with_name(f"{path.name}.json")
            try:
                send(path.read_bytes(), _said(path, beside))
            except Retryable:
                raise
            except LineshaftError as error:
                self._refuse(path, error)
            else:
                path.unlink()
                fsync(path.parent)
                sent += 1
            beside.unlink(missing_ok=True)
        return sent

    def _refuse(self, path: Path, error: LineshaftError) -> None:
        refused = self._folder / "refused"
        refused.mkdir(parents=True, exist_ok=True)
        (refused / f"{path.name}.txt").write_text(f"{error}\n", encoding="utf-8")
        path.replace(refused / path.name)
        log.warning("the plant does not take the picture %s: %s", path.name, error)


def _said(path: Path, beside: Path) -> dict[str, Any]:
    try:
        said: Any = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
        return {"name": path.name, "time": iso(path.stat().st_mtime_ns), **said}
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"the file beside it cannot be read: {error}", where=beside.name, code="vision.beside") from None
