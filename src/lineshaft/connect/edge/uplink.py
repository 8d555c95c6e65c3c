"""The edge's side: hands batches to the plant, tells it how this node is, renews its certificate in time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lineshaft.connect.buffer import EdgeBuffer
from lineshaft.connect.edge.frames import pack, pack_picture
from lineshaft.connect.edge.identity import Identity, read_identity, renewal, renewed
from lineshaft.connect.edge.line import Line, expired
from lineshaft.core import Batch, Retryable, now_ns


class Uplink:
    """One edge's way to its plant. `deliver` and `report` may be called from two threads: each has a line of its own."""

    def __init__(self, home: Path, buffer: EdgeBuffer, timeout: float = 30.0) -> None:
        self._home = home
        self._buffer = buffer
        self._timeout = timeout
        self.identity: Identity = read_identity(home)
        self._lines: dict[str, Line] = {}
        self._lock = threading.Lock()
        self.offset_ns: int | None = None
        self.trip_ns: int | None = None
        self.delivered = 0
        self.last_ok: int | None = None

    def deliver(self, batches: list[Batch]) -> int:
        """Return once the plant's journal has the batches. Raises Retryable or Refused; they stay here then."""
        claims = [(source, tags, counts.tolist()) for source, tags, counts in self._buffer.claims()]
        taken = self._ask("batches", pack({"buffer": self._buffer.id, "claims": claims}, batches))["taken"]
        self.delivered += sum(batch.rows.num_rows for batch in batches)
        self.last_ok = now_ns()
        return int(taken)

    def picture(self, content: bytes, said: Mapping[str, Any]) -> None:
        """Return once the plant's album has a picture. Raises Retryable, or Refused with what the plant says against it."""
        self._ask("picture", pack_picture(content, said))

    def report(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Tell the plant how this node is; return its answer, and learn how far the clocks are apart."""
        told = {**said, **self._clock(), "buffer": self._buffer.id, "counts": self._counts()}
        body = json.dumps(told, ensure_ascii=False).encode()
        asked = now_ns()
        began = time.monotonic_ns()
        answer = self._ask("report", body)
        trip = time.monotonic_ns() - began
        self.offset_ns, self.trip_ns = asked + trip // 2 - int(answer["at"]), trip
        self.last_ok = now_ns()
        return answer

    def renew_if_due(self) -> bool:
        """Have the plant sign a new key when two thirds of the certificate's life are over."""
        left, whole = self.identity.days_left()
        if left > whole / 3:
            return False
        key, body = renewal(self.identity)
        renewed(self.identity, key, self._ask("renew", body)["certificate"])
        self.close()
        return True

    def close(self) -> None:
        """Close both lines; the next question opens one, with the identity as it is on disk then."""
        with self._lock:
            lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            line.close()

    def _ask(self, what: str, body: bytes) -> dict[str, Any]:
        with self._lock:
            line = self._lines.get(what)
        if line is None:
            self.identity = read_identity(self._home)
            line = Line(self.identity.url, self.identity.context(), self._timeout)
            with self._lock:
                self._lines[what] = line
        try:
            return line.ask("POST", f"/edge/{what}", body)
        except Exception as error:
            with self._lock:
                self._lines.pop(what, None)
            line.close()
            if isinstance(error, Retryable) and self.identity.days_left()[0] <= 0:  # TLS may hang up without a word
                raise expired(self.identity.url) from error
            raise

    def _clock(self) -> dict[str, int | None]:
        return {"now": now_ns(), "offset_ns": self.offset_ns, "trip_ns": self.trip_ns}

    def _counts(self) -> dict[str, Any]:
        buffer = self._buffer
        return {
            "pending": [[*key, n] for key, n in sorted(buffer.pending().items())],
            "lost": [[*key, n] for key, n in sorted(buffer.lost().items())],
            "filtered": [[*key, rules] for key, rules in sorted(buffer.filtered().items())],
        }
