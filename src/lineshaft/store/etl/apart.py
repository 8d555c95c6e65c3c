"""Runs a Python step in a process of its own, within time and memory, and brings back the table it made."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from lineshaft.core import LineshaftError

_CHILD = Path(__file__).with_name("child.py")
_TAIL = 4000


class Apart:
    """One call of `run(tables)` in another process; another thread may `cancel` it."""

    def __init__(self, scratch: Path, file: Path, memory: int, timeout_s: float) -> None:
        self._scratch, self._file, self._memory, self._timeout_s = scratch, file, memory, timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """End the process and whatever it started."""
        with self._lock:
            self._cancelled = True
            if self._process is not None and self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def run(self, tables: Mapping[str, pa.Table]) -> pa.Table:
        """Return what the step made. Raises LineshaftError with the end of what it said."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        try:
            for name, table in tables.items():
                with pa.OSFile(str(folder / f"in-{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                    writer.write_table(table)
            said = self._wait(folder)
            out = folder / "out.arrow"
            if not out.exists():
                raise LineshaftError(f"the step failed: {said or 'it ended without a result'}", code="etl.python")
            with pa.OSFile(str(out), "rb") as source:
                return pa.ipc.open_file(source).read_all()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _too_long(seconds: int) -> LineshaftError:
        hint = "raise the job's timeout, or read less"
        return LineshaftError(f"the step took longer than {seconds} s", hint=hint, code="etl.timeout")

    def _wait(self, folder: Path) -> str:
        seconds = max(1, round(self._timeout_s))
        command = [sys.executable, "-I", str(_CHILD), str(folder), str(self._file), str(self._memory), str(seconds)]
        env = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "ARROW_DEFAULT_MEMORY_POOL": "system", "TZ": "UTC"}
        with (folder / "said").open("wb") as said:
            with self._lock:
                if self._cancelled:
                    raise LineshaftError("the run was cancelled", code="etl.cancelled")
                self._process = subprocess.Popen(  # noqa: S603 - our own child, the file is the plant's
                    command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=folder, env=env, start_new_session=True
                )
            try:
                code = self._process.wait(self._timeout_s)
            except subprocess.TimeoutExpired:
                self.cancel()
                self._process.wait()
                raise self._too_long(seconds) from None
        if self._cancelled:
            raise LineshaftError("the run was cancelled", code="etl.cancelled")
        if code == -signal.SIGXCPU:  # the system's clock of its work ran out a moment before ours
            raise self._too_long(seconds)
        text = (folder / "said").read_bytes()[-_TAIL:].decode(errors="replace").strip()
        if code and "MemoryError" in text:
            hint = "raise the job's memory, or read less"
            raise LineshaftError(f"the step needs more memory than {self._memory >> 20} MB", hint=hint, code="etl.memory")
        return text
