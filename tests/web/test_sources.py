"""Sources in the browser: one is read once, added, heard, compared with the old one and removed, all on a running node."""

from __future__ import annotations

import pytest

from tests.web.conftest import Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]


def test_a_source_is_tried_added_compared_and_removed(browsers: Browsers) -> None:
    page = browsers.page(language="de")
    page.goto("/sources")
    bakery = page.locator("[data-source=bakery]")
    bakery.get_by_role("button", name="Einmal lesen").click()
    bakery.locator("[data-heard]").get_by_text("nichts behalten").wait_for()
    url = page.request.get("/api/v1/sources").json()["items"][0]["options"]["url"]
    page.locator("[data-add-source]").click()
    form = page.locator("[data-source-form]")
    form.get_by_label("Protokoll").click()
    page.get_by_role("option", name="opcua").click()
    form.get_by_label("Name", exact=False).first.fill("neuer Weg")
    form.get_by_label("url").fill(url)
    form.get_by_label("security").click()
    page.get_by_role("option", name="None", exact=True).click()
    inside = form.locator("[data-inside]")
    inside.locator("[data-look-inside]").click()
    inside.get_by_placeholder("Name oder Adresse").fill("temperature")
    inside.get_by_role("button", name="Suchen").click()
    inside.locator("[data-found] input[type=checkbox]").first.check()
    assert "emperature" in form.get_by_label("nodes").first.input_value()
    inside.get_by_role("button", name="Alle auswählen").click()
    assert int(inside.locator("[data-picked]").get_attribute("data-picked") or 0) > 1
    form.locator("[data-read-once]").click()
    form.locator("[data-heard]").get_by_text("Signale gehört, nichts behalten").wait_for()
    form.locator("[data-keep]").click()
    added = page.locator("[data-source='neuer Weg']")
    added.get_by_text("Verbunden").wait_for()
    added.get_by_text("hier hinzugefügt").wait_for()
    compare = page.locator("[data-compare]")
    compare.get_by_label("Alter Weg").click()
    page.get_by_role("option", name="bakery").click()
    compare.get_by_label("Neuer Weg").click()
    page.get_by_role("option", name="neuer Weg").last.click()
    compare.get_by_role("button", name="Vergleichen").click()
    page.locator("[data-compared] tbody tr").first.wait_for()
    added.get_by_role("button", name="Entfernen").click()
    page.get_by_role("dialog").get_by_role("button", name="Entfernen").click()
    added.wait_for(state="detached")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
