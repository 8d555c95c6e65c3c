"""A mosquitto broker (C, Debian) on a free loopback port, started and stopped by tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BEFORE = 10.0


def program() -> str:
    """Return the broker's path; skip where it is not."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if not found:
        pytest.skip("no mosquitto here: `apt-get install mosquitto`")
    return found


class Mosquitto:
    """The broker as a process that can be killed and started again with what it kept."""

    def __init__(self, folder: Path, port: int, *lines: str) -> None:
        self.port, self.folder = port, folder
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(
            f"listener {port} 127.0.0.1\npersistence true\npersistence_location {folder}/\n"
            f"autosave_on_changes true\nautosave_interval 1\nuser root\nmax_queued_messages 0\n" + "\n".join(lines) + "\n"
        )
        self.start()

    def start(self) -> None:
        log = (self.folder / "log").open("a")
        self.process = subprocess.Popen([program(), "-c", str(self._conf)], stdout=log, stderr=log)
        log.close()
        end = time.monotonic() + BEFORE
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.02)
            else:
                return
        pytest.fail(f"mosquitto did not start: {(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def mosquitto(folder: Path, port: int, *lines: str) -> Iterator[Mosquitto]:
    """Run a broker; without other lines it lets everybody in."""
    broker = Mosquitto(folder, port, *(lines or ("allow_anonymous true",)))
    try:
        yield broker
    finally:
        broker.stop()
