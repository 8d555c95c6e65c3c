"""A real demo node and a real Chromium: every page is looked at as a person in the plant would."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src" / "lineshaft" / "see" / "static"
PASSWORD = "the belt runs over the shaft"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = (1600, 1000), (390, 844)


@dataclass(frozen=True)
class Node:
    """A running demo: where it answers, and its home."""

    url: str
    home: Path


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Start `lineshaft demo` with a process of its own and end it with Ctrl+C."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("the pages are not built: run `make web`")
    home, port = tmp_path_factory.mktemp("web") / "home", free_port()
    log = (home.parent / "demo.log").open("wb")
    env = {**os.environ, "LINESHAFT_ADMIN_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT / "src")}
    words = [sys.executable, "-m", "lineshaft", "demo", "--home", str(home), "--port", str(port)]
    process = subprocess.Popen(words, env=env, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 180
        while not answers(url + "/login"):
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail("the demo did not start:\n" + (home.parent / "demo.log").read_text("utf-8")[-4000:])
            time.sleep(0.2)  # a foreign process has no event to wait for
        yield Node(url, home)
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        log.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start a Chromium for one file: while its driver runs, no other event loop can in this process."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Browsers:
    """Opens pages that must stay silent: no console error, no request to anybody but this node."""

    def __init__(self, chromium: Any, node: Node) -> None:
        self._chromium = chromium
        self._node = node
        self._open: list[Any] = []
        self.complaints: list[str] = []

    def page(self, *, language: str = "en", size: tuple[int, int] = DESKTOP, scheme: str = "light", name: str = "admin") -> Any:
        """Return a page of somebody who is signed in already (name empty: of nobody)."""
        context = self._chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale={"en": "en-GB", "de": "de-DE"}[language],
            color_scheme=scheme,
            has_touch=size == PHONE,
            bypass_csp=True,  # axe is put into the page from outside; the policy itself has its own test
            base_url=self._node.url,
        )
        self._open.append(context)
        if name:
            said = context.request.post("/api/v1/login", data={"name": name, "password": PASSWORD})
            assert said.ok, said.text()
        page = context.new_page()
        page.set_default_timeout(45_000)
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("pageerror", lambda error: self._heard("error", str(error)))
        page.on("request", lambda request: self._asked(request.url))
        return page

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith((self._node.url, self._node.url.replace("http", "ws"), "data:", "blob:")):
            self.complaints.append(f"a request to {url}")

    def close(self) -> None:
        for context in self._open:
            context.close()


@pytest.fixture
def browsers(chromium: Any, node: Node) -> Iterator[Browsers]:
    some = Browsers(chromium, node)
    yield some
    some.close()
    assert some.complaints == []
