"""Own models as an engineer uses them: a score is offered a place only where nothing else delivers."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest

from tests.web.conftest import Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart, pytest.mark.slow]

OVEN = "Bakery/Line 1/Oven"
TEXT = b"INPUTS = ['a']\n\n\ndef predict(columns):\n    return columns['a']\n"


def test_a_score_is_offered_only_what_nothing_else_delivers(browsers: Browsers) -> None:
    page = browsers.page()
    headers = {"X-Lineshaft": "1"}
    page.request.post("/api/v1/models", data={"name": "copy", "asset": OVEN}, headers=headers)
    body = {"kind": "python", "content": base64.b64encode(TEXT).decode(), "trust": True, "sha256": sha256(TEXT).hexdigest()}
    said = page.request.post("/api/v1/models/copy/versions", data=body, headers=headers)
    assert said.ok, said.text()
    page.goto("/registry?name=copy")
    page.get_by_role("button", name="Let it score").click()
    page.locator("[data-targets] summary").click()
    page.get_by_text(f"'{OVEN}/Temperature' is delivered by 'bakery'").wait_for()
    # what may be read is offered to read, and not to write
    page.get_by_role("combobox", name="Property for a").fill("oven temperature")
    page.get_by_role("option", name=f"{OVEN}/Temperature", exact=True).click()
    page.get_by_role("combobox", name="Property to write").fill("oven")
    page.locator("[data-targets] details").get_by_text(f"'{OVEN}/Power' is delivered by 'bakery'").wait_for()
    page.get_by_text("Nothing here yet.", exact=True).last.wait_for()
    assert page.get_by_role("option", name=OVEN).count() == 0
