"""The plant's side of the uplink, without the network: who asks is decided by the serial number of a certificate.

A batch is acknowledged after the journal's fsync and not before; a batch that comes again is known by source and number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from lineshaft.connect.edge.accounts import Accounts, named
from lineshaft.connect.edge.frames import unpack, unpack_picture
from lineshaft.connect.edge.register import Edges, Known
from lineshaft.core import Batch, Conflict, Forbidden, InvalidInput, LineshaftError, NotFound, Retryable, now_ns
from lineshaft.guard import Command, Guard, Subject

OPEN_LIMIT, LIMIT = 64 * 1024, 256 * 1024 * 1024
"""Most bytes of a message from anybody, and from a known edge."""
Ingest = Callable[[list[Batch]], Sequence[object]]
Picture = Callable[[str, bytes, dict[str, Any]], None]
"""Takes an edge's picture and what is known of it; when it returns, the picture is on the disk."""
Locked = Callable[[str, str, str], str]
"""Asked with an edge's name, its source and tag; returns who locked the machine out and why, or an empty text."""
Detectors = Callable[[Sequence[tuple[str, str, str, str]]], dict[str, tuple[int, bool]]]
"""Told which detectors an edge runs: source, what the plant knows the model by, its name, version; returns, by source, when the
machine was last verified back in service (0: not since), and whether people are at it."""
_OUTCOMES: dict[str, Literal["ok", "refused"]] = {"ok": "ok", "refused": "refused"}


class Reception:
    """Answers edges: (method and path, serial number of the certificate or None, body) -> (status, answer)."""

    def __init__(self, guard: Guard, edges: Edges, accounts: Accounts, ingest: Ingest) -> None:
        self._guard = guard
        self._edges = edges
        self._accounts = accounts
        self._ingest = ingest
        self.locked: Locked = lambda _edge, _source, _tag: ""
        self.detectors: Detectors = lambda _running: {}
        self.picture: Picture | None = None

    def answer(self, what: str, serial: str | None, body: bytes) -> tuple[int, dict[str, Any]]:
        """Answer one question; a refusal says why."""
        try:
            if what == "GET /edge/ca":
                return 200, {"ca": self._edges.authority.ca}
            if what == "POST /edge/enrol":
                return 200, self._enrol(body)
            if serial is None:
                hint = "enrol first; a proxy between must pass TLS through"
                raise Forbidden("an edge node shows its certificate", hint=hint, code="edge.certificate-missing")
            return 200, self._known(what, self._edges.known(serial), body)
        except LineshaftError as error:
            return _status(error), {"what": error.what, "hint": error.hint, "code": error.code}

    def _known(self, what: str, edge: Known, body: bytes) -> dict[str, Any]:
        if what == "POST /edge/batches":
            return self._batches(edge, body)
        if what == "POST /edge/picture":
            if self.picture is None:
                raise NotFound("this plant keeps no pictures", code="edge.path")
            self.picture(edge.name, *unpack_picture(body))
            return {"at": now_ns()}
        if what == "POST /edge/report":
            return self._report(edge, _read(body))
        if what == "POST /edge/renew":
            request = str(_read(body).get("request", ""))
            command = Command(Subject.system(f"edge {edge.name}"), "edges.renew", f"edge:{edge.name}")
            return self._guard.perform(command, lambda tx: self._edges.renew(tx, edge, request))
        raise NotFound(f"nothing is at '{what}'", code="edge.path")

    def _enrol(self, body: bytes) -> dict[str, Any]:
        said = _read(body)
        secret, request = str(said.get("claim", "")), str(said.get("request", ""))
        command = Command(Subject.system("edge enrolment"), "edges.enrol", "edge:claim")
        return self._guard.perform(command, lambda tx: self._edges.claimed(tx, secret, request))

    def _batches(self, edge: Known, body: bytes) -> dict[str, Any]:
        head, batches = unpack(body)
        taken = self._ingest([replace(batch, source=named(edge.name, batch.source)) for batch in batches])
        try:
            self._accounts.claim(edge.name, str(head["buffer"]), head["claims"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"the head of this message cannot be read: {error}", code="edge.message") from None
        return {"taken": len(taken), "at": now_ns()}

    def _report(self, edge: Known, said: dict[str, Any]) -> dict[str, Any]:
        counts, deeds = said.pop("counts", None), said.pop("deeds", [])
        if isinstance(counts, dict):
            self._accounts.report(edge.name, str(said.get("buffer", "")), counts)
        taken = self._deeds(edge, str(said.pop("deeds_of", "")), deeds) if deeds else 0
        self._edges.reported(edge, said)
        locked = [[*target, why] for target in said.get("targets", []) if (why := self.locked(edge.name, *target))]
        wanted = self._edges.versions.wanted(self._edges.edge(edge.name))
        machines = self._machines(edge, said.get("detectors", []))
        return {"at": now_ns(), "config": wanted, "locked": locked, "deeds": taken, "machines": machines}

    def _machines(self, edge: Known, running: list[Any]) -> list[list[Any]]:
        """Return of the machines of an edge's detectors when each was last repaired, and whether people are at it."""
        try:
            named_ = [(named(edge.name, str(one[0])), str(one[1]), str(one[2]), str(one[3])) for one in running]
        except (TypeError, IndexError, KeyError) as error:
            raise InvalidInput(f"the detectors of this report cannot be read: {error}", code="edge.message") from None
        back = self.detectors(named_) if named_ else {}
        return [[one[0], *back[source[0]]] for one, source in zip(running, named_, strict=True) if source[0] in back]

    def _deeds(self, edge: Known, book: str, deeds: list[dict[str, Any]]) -> int:
        """Put what rules of an edge wrote into the audit, each once, and return the last number."""
        try:
            with self._edges.begin() as tx:
                for deed in self._edges.deeds(tx, edge, book, deeds):
                    subject = Subject.rule(f"edge {edge.name}: {deed['rule']}")
                    where = f"{named(edge.name, deed['source'])} {deed['tag']}"
                    outcome = str(deed["outcome"])
                    self._guard.record(tx, subject, "writes.rule", where, deed, _OUTCOMES.get(outcome, "failed"))
            return max(int(deed["number"]) for deed in deeds)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"the deeds of this report cannot be read: {error}", code="edge.message") from None


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        raise InvalidInput("this is not JSON", code="edge.message") from None
    if not isinstance(said, dict):
        raise InvalidInput("this is not an object", code="edge.message")
    return said


def _status(error: LineshaftError) -> int:
    kinds = ((Forbidden, 403), (NotFound, 404), (Conflict, 409), (InvalidInput, 422), (Retryable, 503))
    return next((status for kind, status in kinds if isinstance(error, kind)), 500)
