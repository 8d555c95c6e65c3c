"""Any system with a JSON interface, by templates in settings.toml: purchases of an ERP, or work orders of another CMMS, two ways.

What is sent is written as a template: `{number}`, `{mark}`, `{part}` ... stand for the fields of our purchase or order; a text
that is nothing but one such word keeps its type. Tested against a stand-in, as every system's mapping is its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote

from pydantic import Field

from lineshaft.core import ConfigError, InvalidInput, Section
from lineshaft.maintain.caller import Caller, Web, secret
from lineshaft.maintain.connector import PROGRESS, SUPPLY, Connector, Progress, Rehearsal, Supply, mark_of

Row = dict[str, Any]
WORD = re.compile(r"\{([a-z_]+)\}")


class Request(Section):
    """One request to the other system."""

    method: Literal["GET", "POST", "PUT", "PATCH"] = "GET"
    path: str = Field(description="Path and query below `url`.")
    body: dict[str, Any] | None = None
    items: str = Field("", description="Path in the answer of the list, or of the object; empty is the answer itself.")


class Mapped(Section):
    """How one kind of thing is found, created and read there."""

    find: Request = Field(description="Finds what carries our mark: an empty list when there is none.")
    create: Request = Field(description="Creates it; its body must hold {mark}.")
    reference: str = Field(description="Path in what `find` returns of its number there.")
    state: str = Field("", description="Path of its state; empty if the system does not tell.")
    states: dict[str, str] = Field(default_factory=dict, description="Our word for each of its states.")
    received: str = Field("", description="Purchases: path of the quantity that came.")
    codes: dict[str, str] = Field(
        default_factory=dict, description="Orders: path of each closing code (mode, cause, remedy ...)."
    )
    lines: str = Field("", description="Orders: path of the list of its comments.")
    line_id: str = "id"
    line_text: str = "text"


class Options(Web):
    """Where the system is, how it knows us, and its words for our things."""

    header: str = Field("Authorization", description="Header that carries the secret.")
    secret_env: str = Field("", description="Environment variable with that header's whole value: 'Bearer ...'.")
    probe: str = Field("", description="Path that `lineshaft doctor` reads; empty is the address itself.")
    purchase: Mapped | None = Field(None, description="How a purchase is found, created and read.")
    order: Mapped | None = Field(None, description="How a work order is found, created and read.")


class Rest(Connector):
    """One system by templates."""

    Options = Options
    purchases = True
    orders = True

    def __init__(self, home: Path, options: Options) -> None:
        del home
        self._options, self._caller = options, Caller("the other system", options)
        for kind, mapped, words in (("purchase", options.purchase, SUPPLY), ("order", options.order, PROGRESS)):
            if mapped is not None:
                _refuse_wrong(kind, mapped, words)

    def order(self, purchase: Mapping[str, Any]) -> str:
        """Create it unless it is there."""
        return self._once(self._mapped(self._options.purchase, "purchase"), purchase)

    def rehearse(self, purchase: Mapping[str, Any]) -> Rehearsal:
        """Look for our mark; nothing is written."""
        mapped = self._mapped(self._options.purchase, "purchase")
        found = self._find(mapped, purchase)
        if found is not None:
            return Rehearsal(str(at(found, mapped.reference)))
        words = {**purchase, "mark": mark_of(purchase)}
        return Rehearsal("", {"request": f"{mapped.create.method} {mapped.create.path}", "body": fill(mapped.create.body, words)})

    def rehearse_order(self, order: Mapping[str, Any]) -> Rehearsal:
        """Look for our mark; nothing is written. What is there is shown in the fields we would write, and its state."""
        mapped = self._mapped(self._options.order, "order")
        found = self._find(mapped, order)
        body = fill(mapped.create.body, {**order, "mark": mark_of(order)}) or {}
        if found is None:
            return Rehearsal("", {"request": f"{mapped.create.method} {mapped.create.path}", **body})
        now = {name: at(found, name) for name in body if at(found, name) is not None}
        state = {mapped.state: at(found, mapped.state)} if mapped.state else {}
        return Rehearsal(str(at(found, mapped.reference)), now={**now, **state})

    def supply(self, purchase: Mapping[str, Any]) -> Supply | None:
        """Read its state."""
        mapped = self._mapped(self._options.purchase, "purchase")
        if not mapped.state:
            return None
        found = self._find(mapped, purchase)
        if found is None:
            return Supply("cancelled", 0.0, "nothing with our mark is left there")
        said = str(at(found, mapped.state))
        came = at(found, mapped.received) if mapped.received else 0
        return Supply(mapped.states.get(said, "ordered"), float(came) if isinstance(came, int | float) else 0.0, said)

    def place(self, order: Mapping[str, Any]) -> str:
        """Create the work order there unless it is there."""
        return self._once(self._mapped(self._options.order, "order"), order)

    def progress(self, order: Mapping[str, Any], reference: str) -> Progress | None:
        """Read its state, codes and comments."""
        mapped = self._mapped(self._options.order, "order")
        found = self._find(mapped, order)
        if found is None or not mapped.state:
            return None
        said = str(at(found, mapped.state))
        codes = {name: str(value) for name, path in mapped.codes.items() if (value := at(found, path))}
        listed = at(found, mapped.lines) if mapped.lines else None
        rows = cast("list[object]", listed) if isinstance(listed, list) else []
        lines = tuple((str(at(row, mapped.line_id)), str(at(row, mapped.line_text))) for row in rows)
        return Progress(mapped.states.get(said, ""), codes, lines, f"{reference}: {said}")

    def check(self) -> str:
        """Ask for the probe."""
        self._call(Request(path=self._options.probe or "/", items=""), {})
        return f"{self._options.url} answers"

    @staticmethod
    def _mapped(mapped: Mapped | None, kind: str) -> Mapped:
        if mapped is None:
            raise ConfigError(f"nothing says how a {kind} is written there", where=f"[maintain] options.{kind}")
        return mapped

    def _once(self, mapped: Mapped, thing: Mapping[str, Any]) -> str:
        found = self._find(mapped, thing)
        if found is None:
            self._call(mapped.create, thing)
            found = self._find(mapped, thing)
        reference = None if found is None else at(found, mapped.reference)
        if reference in (None, ""):
            what = f"what was created for {mark_of(thing)} is not found again"
            raise InvalidInput(what, hint="does `find` look for {mark} where `create` puts it?", code="erp.mapping")
        return str(reference)

    def _find(self, mapped: Mapped, thing: Mapping[str, Any]) -> object:
        content = at(self._call(mapped.find, thing), mapped.find.items)
        if isinstance(content, list):
            return next(iter(cast("list[object]", content)), None)
        return content or None

    def _call(self, request: Request, thing: Mapping[str, Any]) -> object:
        headers: dict[str, str] = {}
        if self._options.secret_env:
            value = secret(self._options.secret_env, "secret_env")
            self._caller.hide(value, value.rpartition(" ")[2])
            headers[self._options.header] = value
        words = {**thing, "mark": mark_of(thing)} if thing else {}
        path = WORD.sub(lambda word: quote(str(words.get(word[1], "")), safe=""), request.path)
        return self._caller.call(request.method, path, fill(request.body, words), headers).content


def _refuse_wrong(kind: str, mapped: Mapped, words: tuple[str, ...]) -> None:
    """Refuse a mapping that could double things, or that has a state nobody knows."""
    if "{mark}" not in mapped.find.path + str(mapped.find.body) or "{mark}" not in mapped.create.path + str(mapped.create.body):
        where = f"[maintain] options.{kind}"
        raise ConfigError("find and create must both hold {mark}", where=where, hint="else a repeated request makes a second one")
    unknown = sorted(set(mapped.states.values()) - set(words))
    if unknown:
        where = f"[maintain] options.{kind}.states"
        raise ConfigError(f"'{unknown[0]}' is no state of ours", where=where, hint=f"known are: {', '.join(words)}")


def fill(template: Any, words: Mapping[str, Any]) -> Any:
    """Return a template with its words filled in; nothing is evaluated.

    >>> fill({"qty": "{quantity}", "text": "{part} for {asset}"}, {"quantity": 6.0, "part": "BRG", "asset": "P1"})
    {'qty': 6.0, 'text': 'BRG for P1'}
    """
    if isinstance(template, dict):
        return {key: fill(value, words) for key, value in cast("dict[str, Any]", template).items()}
    if isinstance(template, list):
        return [fill(value, words) for value in cast("list[Any]", template)]
    if not isinstance(template, str):
        return template
    whole = WORD.fullmatch(template)
    return words.get(whole[1]) if whole else WORD.sub(lambda word: str(words.get(word[1], "")), template)


def at(value: object, path: str) -> object:
    """Return what lies at a path of names and numbers; None where it leads nowhere.

    >>> at({"a": [{"b": 3}]}, "a.0.b")
    3
    """
    here = value
    for name in path.split(".") if path else ():
        if isinstance(here, dict):
            here = cast("dict[str, object]", here).get(name)
        elif isinstance(here, list) and name.isdigit() and int(name) < len(cast("list[object]", here)):
            here = cast("list[object]", here)[int(name)]
        else:
            return None
    return here


PLUGIN = Rest
