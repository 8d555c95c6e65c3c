"""Reads files of raw vibration in a process of their own, each within time and memory: whatever is in a file, the node goes on.

A process is begun for one file and ends with it, from one that has loaded what all need; it sees the file and no other of the
plant (Landlock), and what it hands back are numbers and JSON, so that nothing a file could have made of it is run here.
"""

from __future__ import annotations

import json
import resource
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lineshaft.core import InvalidInput, LineshaftError, Retryable
from lineshaft.detect.detector import Floats
from lineshaft.detect.forking import prepared
from lineshaft.detect.settings import ConditionSettings
from lineshaft.store import fence

Read = tuple[Any, Floats]
"""What the process hands back: plain values, and samples."""

PLACES = 2
"""So many files are read at the same time; memory is taken at most so many times."""
TOLD = 16 << 20
"""Bytes of plain values that are taken from the process."""
GRACE_S = 30
SECTION = "[condition] in settings.toml"


class Reader:
    """The processes of a node in which files are read."""

    def __init__(self, settings: ConditionSettings | None = None) -> None:
        self._settings = settings or ConditionSettings()
        self._places = threading.BoundedSemaphore(PLACES)

    def read(self, work: Callable[..., Read], path: Path, *arguments: Any) -> Read:
        """Return what `work(path, ...)` says of a file; whatever the file does, InvalidInput says what is wrong with it."""
        if not self._places.acquire(timeout=self._settings.record_seconds):
            hint = "send it again in a minute"
            raise Retryable("other files are still being read", where=path.name, hint=hint, code="record.busy")
        try:
            return _Child(self._settings, work, path, arguments).heard()
        finally:
            self._places.release()


class _Child:
    """One process that reads one file."""

    def __init__(self, settings: ConditionSettings, work: Callable[..., Read], path: Path, arguments: tuple[Any, ...]) -> None:
        self._settings, self._path = settings, path
        context = prepared()
        self._pipe, theirs = context.Pipe(duplex=False)
        given = (theirs, settings, work, path, arguments)
        self._process: BaseProcess = context.Process(target=_child, args=given, name="record", daemon=True)
        self._process.start()
        theirs.close()
        self._late = False

    def heard(self) -> Read:
        """Return what it says; it is ended in any case."""
        watch = threading.Timer(self._settings.record_seconds, self._end)
        watch.start()
        try:
            told = json.loads(self._pipe.recv_bytes(TOLD))
            samples = np.frombuffer(self._pipe.recv_bytes(self._settings.record_memory_mb << 20), np.float64)
        except EOFError:
            raise self._why() from None
        except (OSError, ValueError) as error:
            raise self._broke(str(error)) from None
        finally:
            watch.cancel()
            self._process.kill()
            self._process.join()
            self._pipe.close()
        if "wrong" in told:
            raise _problem(told["wrong"])
        return told["right"], samples

    def _end(self) -> None:
        self._late = True
        self._process.kill()

    def _why(self) -> InvalidInput:
        """Return why nothing came."""
        self._process.join(GRACE_S)
        code = self._process.exitcode or 0
        if self._late or code == -signal.SIGALRM:
            what = f"reading the file took longer than {self._settings.record_seconds:g} s and was ended"
            hint = f"cut the record into shorter ones, or raise record_seconds of {SECTION}"
            return InvalidInput(what, where=self._path.name, hint=hint, code="record.slow")
        return self._broke(signal.Signals(-code).name if code < 0 else f"code {code}")

    def _broke(self, why: str) -> InvalidInput:
        hint = "the file is damaged or made to do harm: save it again with the program it came from, or as CSV or WAV"
        what = f"the process that read the file broke down ({why})"
        return InvalidInput(what, where=self._path.name, hint=hint, code="record.crash")


def _problem(wrong: dict[str, str]) -> InvalidInput:
    return InvalidInput(str(wrong["what"]), where=str(wrong["where"]), hint=str(wrong["hint"]), code=str(wrong["code"]))


# -- in the process


def _child(
    pipe: Connection, settings: ConditionSettings, work: Callable[..., Read], path: Path, arguments: tuple[Any, ...]
) -> None:
    path = path.resolve()
    _confine(settings, path)
    samples: Floats = np.empty(0)
    try:
        told, samples = work(path, *arguments)
        said: dict[str, Any] = {"right": told}
    except LineshaftError as error:
        said = {"wrong": {"what": error.what, "where": error.where, "hint": error.hint, "code": error.code}}
    except MemoryError:
        what = f"reading the file needs more than {settings.record_memory_mb} MB of memory"
        hint = f"cut the record into shorter ones, or raise record_memory_mb of {SECTION}"
        said = {"wrong": {"what": what, "where": path.name, "hint": hint, "code": "record.memory"}}
    except Exception as error:  # noqa: BLE001 - whatever a file makes of a reader, the person who sent it should read it
        what = f"the file cannot be read: {type(error).__name__}: {error}"
        hint = "is the file complete, and of the format that its name says?"
        said = {"wrong": {"what": what[:1000], "where": path.name, "hint": hint, "code": "record.unreadable"}}
    pipe.send_bytes(json.dumps(said).encode())
    pipe.send_bytes(np.ascontiguousarray(samples, np.float64).data.cast("B") if len(samples) else b"")
    pipe.close()


def _confine(settings: ConditionSettings, path: Path) -> None:
    """Take from this process what reading one file does not need: other files, memory without end, time without end."""
    pa.set_memory_pool(pa.system_memory_pool())  # others set aside more than they use
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    signal.alarm(round(settings.record_seconds) + GRACE_S)  # should the node be gone meanwhile
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, StopIteration, ValueError):
        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        held = int(next(line for line in status if line.startswith("VmData:")).split()[1]) << 10
        most = held + (settings.record_memory_mb << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    fence(None, path)
