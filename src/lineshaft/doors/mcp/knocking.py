"""Who knocks: an agent of the register by its own key, or by a token of the identity provider that names it. Nobody else."""

from __future__ import annotations

import importlib
from typing import Any

from lineshaft.core import Forbidden, NotAuthenticated, NotFound
from lineshaft.doors.mcp.settings import McpSettings
from lineshaft.doors.rooms import Rooms
from lineshaft.guard import Subject

NOBODY = Subject("nobody", "nobody", "token")


class Knocker:
    """Says which agent a request is of; refuses everybody else, on record."""

    def __init__(self, rooms: Rooms, settings: McpSettings) -> None:
        self._rooms, self._settings = rooms, settings
        self._provider: Any = None

    def agent(self, authorization: str, peer: str) -> Subject:
        """Return the agent. Raises NotAuthenticated or Forbidden, both audited."""
        scheme, _, secret = authorization.partition(" ")
        try:
            subject = self._known(secret.strip() if scheme.lower() == "bearer" else "")
        except NotAuthenticated as error:
            self._rooms.guard.refused(NOBODY, "mcp.knock", "mcp", {"code": error.code}, peer)
            raise
        if subject.kind != "agent":
            hint = "an engineer registers the program as an agent and gives it a key of its own"
            error = Forbidden("this door is for registered agents", hint=hint, code="mcp.agents-only")
            self._rooms.guard.refused(subject, "mcp.knock", "mcp", {"code": error.code}, peer)
            raise error
        try:
            self._rooms.guard.gate(subject, "read")
        except Forbidden as error:
            self._rooms.act.agency.note_refusal(subject, "mcp", {"peer": peer}, error)
            raise
        return subject

    def _known(self, secret: str) -> Subject:
        if not self._settings.issuer or secret.count(".") != 2:
            return self._rooms.guard.authenticate(secret)
        if self._provider is None:
            self._provider = importlib.import_module("lineshaft.doors.mcp.oauth").Provider(self._settings)
        name = self._provider.client(secret)
        try:
            return self._rooms.act.agency.subject(name)
        except NotFound:
            hint = "an engineer registers it as an agent first"
            raise NotAuthenticated(f"no agent is called '{name}' here", hint=hint, code="agent.unknown") from None
