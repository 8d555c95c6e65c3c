"""One outbound TLS connection to the plant, kept open: HTTP/1.1 with a length at every message, a limit to every wait.

Nothing listens at an edge. A cut, a black hole and a half-open socket end the same way: the wait runs out, the line is opened
anew, and what was not acknowledged is sent again; the plant knows each batch by source and number.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

from lineshaft.connect.authority import PLANT
from lineshaft.core import ConfigError, LineshaftError, Retryable


class Refused(LineshaftError):
    """The plant understood and says no, with a reason."""

    code = "edge.refused"

    def __init__(self, status: int, problem: dict[str, Any], where: str) -> None:
        what = str(problem.get("what") or f"the plant answered {status}")
        super().__init__(what, where=where, hint=str(problem.get("hint") or ""), code=str(problem.get("code") or ""))
        self.status = status


class _Connection(http.client.HTTPSConnection):
    """Expects the plant's own name, whatever the address."""

    def __init__(self, host: str, port: int, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._tls = context

    def connect(self) -> None:
        """Connect and shake hands."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=PLANT)


class Line:
    """Asks the plant, one question after the other; for one thread."""

    def __init__(self, url: str, context: ssl.SSLContext, timeout: float = 30.0) -> None:
        parts = urlsplit(url if "//" in url else f"https://{url}")
        if not parts.hostname or parts.scheme != "https":
            raise ConfigError(f"'{url}' is not the address of a plant", hint="https://plant.example:8443", code="edge.url")
        self.url = url
        self._made = (parts.hostname, parts.port or 8443, timeout, context)
        self._connection: _Connection | None = None

    def ask(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """Return the plant's answer. Raises Refused with its reason, Retryable if it cannot be reached."""
        try:
            if self._connection is None:
                self._connection = _Connection(*self._made)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(body))}
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            said = json.loads(answer.read() or b"{}")
        except ssl.SSLError as error:
            self.close()
            raise _told(error, self.url) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            what = f"the plant does not answer: {str(error) or type(error).__name__}"
            raise Retryable(what, where=self.url, hint="is the network up, the plant running, the port open?") from error
        if answer.status >= 500:
            raise Retryable(str(said.get("what") or f"the plant answered {answer.status}"), where=self.url)
        if answer.status >= 400:
            raise Refused(answer.status, said, self.url)
        return said

    def close(self) -> None:
        """Close the connection; the next question opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def expired(url: str) -> Refused:
    """Say that the edge's certificate has expired."""
    problem = {"what": "this edge's certificate has expired", "hint": "invite and enrol it again; look at its clock"}
    return Refused(403, {**problem, "code": "edge.certificate-expired"}, url)


def _told(error: ssl.SSLError, url: str) -> LineshaftError:
    """Say in words what TLS says in codes."""
    text = str(error).lower()
    if "certificate_expired" in text or "certificate expired" in text:
        return expired(url)
    if "unknown_ca" in text or "unknown ca" in text:
        problem = {"what": "this plant did not sign this edge's certificate", "hint": "enrol at this plant"}
        return Refused(403, {**problem, "code": "edge.certificate-unknown"}, url)
    if "verify failed" in text:
        problem = {"what": "the plant at this address is not the one this edge belongs to, or its certificate is not valid now"}
        return Refused(403, {**problem, "hint": "check the address and both clocks", "code": "edge.plant-unknown"}, url)
    return Retryable(f"the secure connection failed: {error}", where=url)
