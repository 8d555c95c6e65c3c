"""Own models in processes of their own: one a version, kept while it is used, ended when it hangs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from lineshaft.core import Conflict, InvalidInput, LineshaftError
from lineshaft.detect.apart import said
from lineshaft.detect.forking import prepared
from lineshaft.detect.registry.opened import Columns, open_model

OPENING_S = 90.0
PREDICTING_S = 60.0
MOST = 6
"""So many models are kept open; the one that was not asked for the longest goes."""


@dataclass(frozen=True, slots=True)
class About:
    """What a model said of itself when it was opened."""

    inputs: list[str]
    outputs: list[str]
    library: str


def _child(pipe: Connection, kind: str, content: bytes, inputs: Sequence[str]) -> None:
    try:
        opened = open_model(kind, content, inputs)
    except LineshaftError as error:
        pipe.send(("no", said(error)))
        return
    except BaseException as error:  # noqa: BLE001 - whatever foreign code raises
        pipe.send(("no", f"{type(error).__name__}: {error}"))
        return
    pipe.send(("ready", About(opened.inputs, opened.outputs, opened.library)))
    while True:
        try:
            columns = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(("done", opened.predict(columns)))
        except LineshaftError as error:
            pipe.send(("no", said(error)))
        except BaseException as error:  # noqa: BLE001 - whatever foreign code raises
            pipe.send(("no", f"{type(error).__name__}: {error}"))


class Served:
    """One open model in a process of its own."""

    def __init__(self, kind: str, content: bytes, inputs: Sequence[str]) -> None:
        context = prepared()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_child, args=(theirs, kind, content, list(inputs)), name="model", daemon=True)
        self._process.start()
        theirs.close()
        self._lock = threading.Lock()
        self.closed = False
        self.about: About = self._answer(OPENING_S, "open")

    def predict(self, columns: Columns, seconds: float = PREDICTING_S) -> dict[str, Any]:
        """Return a column an output. Raises InvalidInput with what the model said, Conflict if it hangs (it is ended then)."""
        with self._lock:
            try:
                self._pipe.send(dict(columns))
            except OSError:
                self.close()
                raise Conflict(
                    "the model's process is gone", hint="ask again: it is started anew", code="registry.gone"
                ) from None
            return self._answer(seconds, "answer")

    def retire(self) -> None:
        """End the process once it has answered what it was asked."""
        with self._lock:
            self.close()

    def close(self) -> None:
        """End the process."""
        self.closed = True
        self._process.terminate()
        self._process.join(10)
        self._pipe.close()

    def _answer(self, seconds: float, what: str) -> Any:
        try:
            if not self._pipe.poll(seconds):
                self.close()
                raise Conflict(f"the model did not {what} within {seconds:.0f} s and was ended", code="registry.slow")
            kind, value = self._pipe.recv()
        except (EOFError, OSError):
            self.close()
            raise Conflict(
                "the model's process ended by itself", hint="it may lack memory or a library", code="registry.gone"
            ) from None
        if kind != "no":
            return value
        if what == "open":
            self.close()
        raise InvalidInput(f"the model refuses: {value}", code="registry.refused")


class Workers:
    """The open models of a node."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Served] = OrderedDict()
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}

    def of(self, key: str, kind: str, content: Callable[[], bytes], inputs: Sequence[str]) -> Served:
        """Return the open model of a version; opens it if need be. One that opens slowly makes nobody wait for another."""
        served = self._known(key)
        if served is not None:
            return served
        with self._lock:
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            served = self._known(key)
            if served is not None:
                return served
            made = Served(kind, content(), inputs)
            with self._lock:
                self._open[key] = made
                self._opening.pop(key, None)
                old = [self._open.popitem(last=False)[1] for _ in range(len(self._open) - MOST)]
        for one in old:
            one.retire()
        return made

    def _known(self, key: str) -> Served | None:
        with self._lock:
            served = self._open.get(key)
            if served is None or served.closed:
                return None
            self._open.move_to_end(key)
            return served

    def close(self) -> None:
        """End all."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()
