"""A foreign OPC UA server (node-opcua) as a process that starts again otherwise: moved, skewed, limited, with a history."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lineshaft.connect.sources.opcua import OpcuaOptions, OpcuaSource


def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Plant:
    """tests/counterparts/opcua_plant.mjs; `start` again on the same port after `kill`."""

    def __init__(self, node: Path, folder: Path, pki: Path, **words: object) -> None:
        self.port, self.pki = port(), pki
        self._node, self._folder = node, folder
        self.namespace = 0
        self.start(**words)

    def start(self, **words: object) -> None:
        given = [f"{name}={value}" for name, value in words.items()]
        command = [self._node, self._folder / "opcua_plant.mjs", str(self.port), self.pki, *given]
        log = self.pki.with_suffix(".log")
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("listening"):
                self.namespace = int(line.split()[1])
                return
        pytest.fail(f"node-opcua did not start: {log.read_text()}")

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def tags(self, n: int = 9) -> list[str]:
        return [f"ns={self.namespace};s=v{i}" for i in range(n)]

    def source(self, nodes: Any = None, at: Any = 0, **options: Any) -> OpcuaSource:
        given = {"security": "None", "sampling_interval": "0ms", "keepalive": "1s", "timeout": "2s"} | options
        names = self.tags() if nodes is None else nodes
        return OpcuaSource("line", OpcuaOptions(url=f"opc.tcp://127.0.0.1:{at or self.port}/plant", nodes=tuple(names), **given))


def steps(values: list[object], tag: int) -> list[int]:
    """Which steps of a counter came, in order; it counts k + tag/10."""
    return [round(float(value) - tag / 10) for value in values if isinstance(value, float)]


def missing(values: list[object], tag: int) -> list[int]:
    """Which steps between the first and the last are not there."""
    seen = steps(values, tag)
    return sorted(set(range(min(seen), max(seen) + 1)) - set(seen))
