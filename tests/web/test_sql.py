"""The SQL page and the catalog as a person uses them: ask, mend a mistake, stop, keep as a file, look a table up."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.web.conftest import PHONE, Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]


def asking(page: Any, sql: str) -> Any:
    page.goto(f"/sql?sql={quote(sql)}")
    page.locator(".cm-content").wait_for()
    return page.locator("[data-run]")


def test_a_question_is_answered_kept_in_the_history_and_saved_as_a_file(browsers: Browsers) -> None:
    page = browsers.page()
    asking(page, "SELECT range AS n FROM range(900)").click()
    page.locator("table.grid").wait_for()
    assert page.locator("table.grid").get_attribute("aria-rowcount") == "901"
    assert page.locator("table.grid tbody tr").count() < 80
    page.locator(".grid-box").evaluate("box => { box.scrollTop = box.scrollHeight }")
    page.get_by_role("cell", name="899", exact=True).wait_for()
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    assert Path(saved.value.path()).read_text("utf-8").splitlines()[:2] == ['"n"', "0"]
    page.goto("/sql")
    assert "range(900)" in page.locator(".cm-content").inner_text()


def test_a_question_is_stopped(browsers: Browsers) -> None:
    page = browsers.page()
    asking(page, "SELECT count(*) FROM range(10000000) a, range(100000) b WHERE a.range % 7 = b.range % 3").click()
    page.locator("[data-stop]").click()
    page.get_by_text("Stopped.").wait_for()


def test_a_table_of_the_catalog_leads_to_a_question(browsers: Browsers) -> None:
    page = browsers.page(language="de", size=PHONE)
    page.goto("/catalog")
    page.get_by_role("link", name="lots", exact=True).click()
    page.get_by_role("link", name="Abfragen").click()
    page.locator(".cm-content").wait_for()
    assert "FROM lots" in page.locator(".cm-content").inner_text()
    page.locator("[data-run]").click()
    page.locator("table.grid").wait_for()
