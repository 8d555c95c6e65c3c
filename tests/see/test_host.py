from __future__ import annotations

import gzip
import os
from pathlib import Path

import httpx
import pytest

from lineshaft.see import host


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    root = tmp_path / "static"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html><title>Lineshaft</title>")
    (root / "icon.svg").write_text("<svg/>")
    script = "console.log('shaft');" * 50
    (root / "assets" / "index-Ab3_x9Qz.js").write_text(script)
    (root / "assets" / "index-Ab3_x9Qz.js.gz").write_bytes(gzip.compress(script.encode()))
    (root / "assets" / "plain.css").write_text("body{}")
    (root / ".secret").write_text("hidden")
    (tmp_path / "outside.txt").write_text("outside")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    return root


def browser(root: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(host(root)), base_url="http://plant.test")


async def test_the_application_answers_at_every_page(pages):
    async with browser(pages) as page:
        for path in ("/", "/index.html", "/alarms", "/machine/Bakery/Line%201/Oven", "/orders/0b9f6a52"):
            answer = await page.get(path)
            assert (answer.status_code, "Lineshaft" in answer.text) == (200, True), path
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["content-type"].startswith("text/html")


async def test_assets_with_a_hash_are_kept_for_ever_and_sent_compressed(pages):
    async with browser(pages) as page:
        answer = await page.get("/assets/index-Ab3_x9Qz.js", headers={"Accept-Encoding": "gzip, br"})
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.text.startswith("console.log")
        plain = await page.get("/assets/index-Ab3_x9Qz.js", headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.text == answer.text
        assert (await page.get("/assets/plain.css")).headers["cache-control"] == "no-cache"


async def test_an_unchanged_file_is_not_sent_again(pages):
    async with browser(pages) as page:
        tag = (await page.get("/icon.svg")).headers["etag"]
        again = await page.get("/icon.svg", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        os.utime(pages / "icon.svg", ns=(1, 1))
        assert (await page.get("/icon.svg", headers={"If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/../outside.txt", "/assets/../../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/..%5coutside.txt"),
        *(
            "/link.txt",
            "/.secret",
            "/assets/missing.js",
            "/api/v1/health",
            "//etc/passwd.txt",
            "/%00",
            "/assets/..%2f..%2foutside.txt",
        ),
    ],
)
async def test_nothing_outside_or_missing_is_given(pages, path):
    async with browser(pages) as page:
        answer = await page.get(path)
        assert answer.status_code == 404, answer.text
        assert "outside" not in answer.text
        assert "hidden" not in answer.text


async def test_every_answer_forbids_foreign_code(pages):
    async with browser(pages) as page:
        for path in ("/", "/assets/plain.css", "/missing.js"):
            headers = (await page.get(path)).headers
            assert "default-src 'self'" in headers["content-security-policy"]
            assert "style-src 'self' 'unsafe-inline'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"


async def test_a_missing_build_says_what_to_do(tmp_path):
    async with browser(tmp_path / "nothing") as page:
        answer = await page.get("/")
        assert answer.status_code == 503
        assert "make web" in answer.text
        assert "default-src" in answer.headers["content-security-policy"]


async def test_pages_are_only_read(pages):
    async with browser(pages) as page:
        assert (await page.post("/")).status_code == 405
        head = await page.head("/")
        assert (head.status_code, head.content) == (200, b"")


async def test_a_websocket_beside_the_api_is_refused(pages):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "websocket.connect"}

    await host(pages)({"type": "websocket", "path": "/elsewhere"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 4404}]
