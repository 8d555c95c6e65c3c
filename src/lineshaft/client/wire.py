"""Asking a node over HTTP: one place for addresses, tokens, and errors that say what, where and how to mend it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lineshaft.core import ConfigError, Conflict, Forbidden, InvalidInput, LineshaftError, NotAuthenticated, NotFound, Retryable

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
NO_TOKEN = "give an API token (token=... or LINESHAFT_TOKEN); make one with: lineshaft token create"  # noqa: S105 - words
_KINDS: dict[int, type[LineshaftError]] = {401: NotAuthenticated, 403: Forbidden, 404: NotFound, 409: Conflict, 503: Retryable}
Query = Mapping[str, str | int | Sequence[str] | None]


class Unreached(ConfigError):
    """No node answers at this address (now)."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a node answered."""

    body: bytes
    next: str
    """Where the next page begins; empty at the last one."""

    def json(self) -> Any:
        """Return the answer as data."""
        return json.loads(self.body)


class Node:
    """A node somewhere, asked with one token."""

    def __init__(self, url: str, token: str = "", timeout: float = 600.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"'{url}' is not the address of a node", where=url, hint="write it as http://127.0.0.1:8080")
        self.url, self._token, self._timeout = url.rstrip("/"), token, timeout

    def ask(
        self,
        path: str,
        query: Query | None = None,
        *,
        accept: str = JSON,
        body: object = None,
        data: bytes | None = None,
        method: str | None = None,
    ) -> Said:
        """Ask one thing below /api/v1, with a body as JSON or data as it is.

        Raises the node's own error with its hint, Unreached (a ConfigError) when no node answers.
        """
        said = [(name, value) for name, value in (query or {}).items() if value is not None]
        text = urllib.parse.urlencode(said, doseq=True)
        address = f"{self.url}/api/v1/{path}{f'?{text}' if text else ''}"
        headers = {"Accept": accept, **({"Authorization": f"Bearer {self._token}"} if self._token else {})}
        if data is not None:
            headers["Content-Type"] = "application/octet-stream"
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), JSON
        request = urllib.request.Request(address, data, headers, method=method)  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310
                return Said(bytes(answer.read()), answer.headers.get("X-Next", ""))
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error, path) from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            hint = "start it with `lineshaft up` (or demo), or name another address"
            raise Unreached(f"no node answers: {reason}", where=self.url, hint=hint, code="node.not-running") from None


def _refused(error: urllib.error.HTTPError, path: str) -> LineshaftError:
    try:
        problem: dict[str, Any] = json.loads(error.read())
    except ValueError:
        problem = {}
    what = str(problem.get("detail") or f"the node answered {error.code}")
    hint = NO_TOKEN if error.code == 401 else str(problem.get("hint") or "")
    kind = _KINDS.get(error.code, InvalidInput)
    return kind(what, where=str(problem.get("where") or path), hint=hint, code=str(problem.get("code") or ""))
