"""A JSON address of another system (ERP, LIMS, MES): what changed since the last reading, page by page.

Only http and https, no redirects (they would carry the secret elsewhere), bounded in time and size. The mark is the highest
value of one field; what the other side sends twice is taken once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import Field, field_validator

from lineshaft.core import ConfigError, InvalidInput, Retryable, parse_time
from lineshaft.production.feed import Pulled
from lineshaft.production.mapping import Mapped, drafted, moment

_PAGES = 1_000


class RestOptions(Mapped):
    """How to ask a JSON address what is being made."""

    url: str = Field(description="Address to GET.")
    header: str = Field("Authorization", description="Header that carries the secret.")
    secret_env: str = Field("", description="Name of the environment variable with that header's whole value: 'Bearer ...'.")
    since: str = Field("", description="Query parameter that takes the mark; left out at the first reading.")
    mark: str = Field("", description="Path in an item of the field that rises with every change.")
    items: str = Field("", description="Path of the list in the answer; empty if the answer is the list.")
    lines: str = Field("", description="Path in an order of its list of lines; its line fields are then looked for there.")
    next: str = Field("", description="Path in the answer of the next page's address; it must be of the same host.")
    timeout_s: float = Field(30.0, gt=0, le=600, description="Longest wait for an answer.")
    most_bytes: int = Field(50_000_000, ge=1_000, description="Largest answer that is read.")

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValueError("it is no http or https address without a password - put the secret into secret_env")
        return url


class _Stay(HTTPRedirectHandler):
    """Redirects are refused: they would take the secret to another host."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Refuse."""
        del fp, code, msg, headers
        raise Retryable(f"{req.full_url} answers with a redirect to {newurl}", hint="write that address into the settings")


class RestFeed:
    """Reads one address."""

    Options = RestOptions

    def __init__(self, name: str, options: RestOptions) -> None:
        self.name, self.options = name, options
        self._opener = build_opener(_Stay())

    def pull(self, mark: str) -> Pulled:
        """Read all pages of what is new. Raises Retryable if the other side does not answer as it should."""
        items = list(self._items(mark))
        rows = [(f"{self.name}: item {number}{self._named(item)}", self._ours(item)) for number, item in enumerate(items, 1)]
        return Pulled(drafted(self.options, rows), self._highest(mark, items))

    def _items(self, mark: str) -> Iterator[object]:
        address: str | None = self._address(mark)
        for _ in range(_PAGES):
            if address is None:
                return
            answer = self._get(address)
            found = at_path(answer, self.options.items)
            if not isinstance(found, list):
                raise Retryable(f"{self.name}: there is no list at '{self.options.items}' of the answer")
            yield from cast("list[object]", found)
            address = self._following(address, answer)
        raise Retryable(f"{self.name}: more than {_PAGES} pages", hint="does `next` lead back to the first page?")

    def _address(self, mark: str) -> str:
        if not (mark and self.options.since):
            return self.options.url
        parts = urlsplit(self.options.url)
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), (self.options.since, mark)])
        return urlunsplit(parts._replace(query=query))

    def _following(self, address: str, answer: object) -> str | None:
        found = at_path(answer, self.options.next) if self.options.next else None
        if not isinstance(found, str) or not found:
            return None
        there = urljoin(address, found)
        if urlsplit(there)[:2] != urlsplit(address)[:2]:
            raise Retryable(f"{self.name}: the next page is on another host: {there}")
        return there

    def _get(self, address: str) -> object:
        headers = {"Accept": "application/json"}
        if self.options.secret_env:
            secret = os.environ.get(self.options.secret_env, "")
            if not secret:
                hint = "set it where the node is started"
                raise ConfigError(f"the environment variable {self.options.secret_env} is empty", where=self.name, hint=hint)
            headers[self.options.header] = secret
        try:
            with self._opener.open(Request(address, headers=headers), timeout=self.options.timeout_s) as response:  # noqa: S310 - http(s) only, checked above
                body = response.read(self.options.most_bytes + 1)
        except HTTPError as error:
            with error:
                raise Retryable(f"{self.options.url} answers {error.code} {error.reason}") from None
        except OSError as error:
            raise Retryable(f"{self.options.url} does not answer: {getattr(error, 'reason', error)}") from None
        if len(body) > self.options.most_bytes:
            raise Retryable(f"the answer of {self.options.url} is larger than {self.options.most_bytes} bytes")
        try:
            return json.loads(body)
        except ValueError as error:
            raise Retryable(f"{self.options.url} answers with something that is not JSON: {error}") from None

    def _ours(self, item: object) -> dict[str, object]:
        columns = self.options.columns
        if not self.options.lines:
            return {ours: at_path(item, path) for ours, path in columns.items()}
        lines = at_path(item, self.options.lines)
        own = {name: columns[name] for name in ("order", "customer") if name in columns}
        inner = {name: path for name, path in columns.items() if name not in own}
        found = cast("list[object]", lines) if isinstance(lines, list) else []
        row: dict[str, object] = {ours: at_path(item, path) for ours, path in own.items()}
        return {**row, "lines": [{ours: at_path(line, path) for ours, path in inner.items()} for line in found]}

    def _named(self, item: object) -> str:
        key, path = next(iter(self.options.columns.items()))
        found = at_path(item, path)
        return f" ({key} {found})" if isinstance(found, str | int) else ""

    def _highest(self, mark: str, items: list[object]) -> str:
        if not self.options.mark:
            return mark
        found = [at_path(item, self.options.mark) for item in items]
        texts = [str(one) for one in found if isinstance(one, str | int | float) and one != ""]
        return max([mark, *texts] if mark else texts, key=lambda text: _rank(text, self.options.timezone), default="")


def at_path(value: object, path: str) -> object:
    """Return what lies at a path of names and numbers; None where it leads nowhere.

    >>> at_path({"data": [{"id": 7}]}, "data.0.id")
    7
    """
    for step in path.split(".") if path else []:
        if isinstance(value, dict):
            value = cast("dict[str, object]", value).get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(cast("list[object]", value)):
            value = cast("list[object]", value)[int(step)]
        else:
            return None
    return value


def _rank(text: str, zone: str) -> tuple[int, float, str]:
    """Order marks as numbers, as times (whatever their zone), else as texts."""
    try:
        return 0, float(text), ""
    except ValueError:
        pass
    try:
        return 1, float(parse_time(str(moment(text, zone)))), text
    except InvalidInput:
        return 2, 0.0, text


PLUGIN = RestFeed
