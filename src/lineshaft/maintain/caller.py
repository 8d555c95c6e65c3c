"""Talking JSON to another system: bounded in time and size, no redirects, secrets from the environment and in no message.

What went wrong is told in the words of the trade: refused credentials, refused content, or away for the moment.
"""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from pydantic import Field, field_validator

from lineshaft.core import ConfigError, CredentialsError, InvalidInput, NotFound, Retryable, Section

MOST_BYTES = 20_000_000
AWAY = (408, 425, 429, *range(500, 600))


class Web(Section):
    """Options every connector to a web address has."""

    url: str = Field(description="Address of the system: https://erp.example")
    timeout_s: float = Field(20.0, gt=0, le=300, description="Longest wait for one answer.")
    ca_file: str = Field("", description="File of the certificate authority, where it is the plant's own.")

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValueError("it is no http or https address without a password - put the secret into an environment variable")
        return url.rstrip("/")


def secret(name: str, where: str) -> str:
    """Return the value of an environment variable. Raises ConfigError that names it (and nothing else) when it is not set."""
    value = os.environ.get(name, "") if name else ""
    if not value:
        raise ConfigError(
            f"the environment variable {name or '(none is named)'} is not set",
            where=where,
            hint="set it where the node is started",
        )
    return value


class _Stay(HTTPRedirectHandler):
    """Redirects are refused: they would take the secret to another host."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Refuse."""
        del req, fp, code, msg, headers
        host = urlsplit(newurl).hostname
        raise Retryable(f"it answers with a redirect to {host}", hint="write that address into the settings", code="erp.redirect")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Caller:
    """One other system by its address."""

    def __init__(self, name: str, options: Web) -> None:
        self.name, self._options = name, options
        context = ssl.create_default_context(cafile=options.ca_file or None) if options.url.startswith("https") else None
        handlers = [HTTPSHandler(context=context)] if context else []
        self._opener = build_opener(_Stay(), HTTPCookieProcessor(), *handlers)
        self._hidden: set[str] = set()

    def hide(self, *texts: str) -> None:
        """Keep these texts out of every message."""
        self._hidden.update(text for text in texts if len(text) >= 3)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        form: str = "json",
        text: str | None = None,
    ) -> Answer:
        """Ask and return the answer; `text` is sent as it stands (it may be signed).

        Raises Retryable when the system is away, CredentialsError when it refuses who we are, NotFound and InvalidInput when it
        refuses what we ask.
        """
        data = text.encode() if text is not None else None if body is None else json.dumps(body).encode()
        sent = {
            "Accept": "application/json",
            "User-Agent": "lineshaft",
            **({"Content-Type": f"application/{form}"} if data else {}),
        }
        request = Request(self._options.url + path, data, {**sent, **(headers or {})}, method=method)  # noqa: S310 - http(s) only
        try:
            with self._opener.open(request, timeout=self._options.timeout_s) as response:
                return Answer(response.status, self._parsed(response.read(MOST_BYTES + 1)), _lower(response.headers))
        except HTTPError as error:
            with error:
                raise self._refused(error, error.read(20_000)) from None
        except (OSError, HTTPException) as error:
            said = self.redacted(str(getattr(error, "reason", error)) or type(error).__name__)
            raise Retryable(f"{self.name} does not answer: {said}", where=self._options.url, code="erp.away") from None

    def redacted(self, text: str) -> str:
        """Return a text of the other system's, short, on one line and without our secrets."""
        for hidden in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(hidden, "***").replace(quote(hidden, safe=""), "***")
        plain = re.sub(r"<[^>]*>", " ", text)
        return " ".join(plain.split())[:300]

    def _parsed(self, content: bytes) -> Any:
        if len(content) > MOST_BYTES:
            raise Retryable(f"the answer of {self.name} is larger than {MOST_BYTES} bytes", code="erp.answer")
        if not content.strip():
            return None
        try:
            return json.loads(content)
        except ValueError:
            said = self.redacted(content[:2000].decode(errors="replace"))
            raise Retryable(f"{self.name} answers with something that is not JSON: {said}", code="erp.answer") from None

    def _refused(self, error: HTTPError, content: bytes) -> Exception:
        said = self.redacted(content.decode(errors="replace"))
        what = f"{self.name} answers {error.code}: {said or self.redacted(str(error.reason))}"
        if error.code in (401, 403):
            hint = "check the variable with the key or password, and what this user may do there"
            return CredentialsError(
                f"{self.name} refuses our credentials ({error.code}): {said}", hint=hint, code="erp.credentials"
            )
        if error.code in AWAY:
            return Retryable(what, where=self._options.url, code="erp.away")
        if error.code == 404:
            return NotFound(what, hint="is the address right?", code="erp.not-found")
        return InvalidInput(what, code="erp.refused")


def _lower(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}
