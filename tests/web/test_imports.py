"""An import in the browser: a file is chosen, taken in, and its refused rows can be had."""

from __future__ import annotations

import pytest

from tests.web.conftest import PHONE, Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]
CSV = b"time,name,value\n2026-01-01T00:00:00Z,Bakery/Line 1/Oven/Temperature,180\nnever,Bakery/Line 1/Oven/Temperature,1\n"


def test_a_file_is_imported_on_the_ledger_page(browsers: Browsers) -> None:
    page = browsers.page(size=PHONE)
    page.goto("/ledger")
    page.get_by_role("button", name="Import a file").click()
    page.get_by_label("Choose a file").set_input_files({"name": "old.csv", "mimeType": "text/csv", "buffer": CSV})
    page.locator("[data-import]").click()
    row = page.locator("[data-imports] tr", has_text="old.csv")
    row.get_by_text("done", exact=True).wait_for()
    with page.expect_download() as got:
        row.get_by_role("link").click()
    assert got.value.suggested_filename == "old.csv.errors.csv"
    assert "never" not in page.locator("[data-imports]").inner_text()
    shown = page.request.get("/api/v1/imports").json()["items"][0]
    assert (shown["state"], shown["stored"], shown["rejected"]) == ("done", 1, {"time": 1})
