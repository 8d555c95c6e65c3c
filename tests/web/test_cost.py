"""Cost, the ledger and ready-made questions as a person uses them, on a desk and in a hand."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import PHONE, Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]


def test_prices_and_a_budget_are_written_and_the_budget_speaks_up(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/cost")
    page.get_by_role("cell", name="Journal", exact=True).wait_for()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Currency").fill("eur")
    page.get_by_label("Disk of this node: EUR a GB and month").fill("0.25")
    page.get_by_label("Budget Memory and journal (GB)").fill("0.00001")
    page.get_by_role("button", name="Save").click()
    page.get_by_text(re.compile(r"\. It is exceeded\.")).wait_for()  # not the words beside "no budget"
    said = page.request.get("/api/v1/cost").json()
    assert (said["terms"]["currency"], said["terms"]["prices"]["local"]) == ("EUR", 0.25)
    told = [one["key"] for one in page.request.get("/api/v1/health").json()["system_events"]]
    assert "cost:budget:hot" in told
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Budget Memory and journal (GB)").fill("")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("There is no budget.").wait_for()
    told = [one["key"] for one in page.request.get("/api/v1/health").json()["system_events"]]
    assert "cost:budget:hot" not in told


def test_a_tag_of_the_ledger_is_followed_through_its_stages(browsers: Browsers) -> None:
    page = browsers.page(language="de", size=PHONE)
    row = {"property": "Bakery/Line 1/Mixer/Power", "timestamp": "2199-01-01T00:00:00Z", "value": 47.11}
    assert page.request.post("/api/v1/values", data={"rows": [row]}, headers={"X-Lineshaft": "1"}).ok
    page.goto("/ledger")
    page.get_by_role("link", name="ns=2;s=Mixer/Power", exact=True).click()
    page.get_by_role("heading", name="Stufen im Lauf der Zeit").wait_for()
    page.get_by_text("Bakery/Line 1/Mixer/Power").wait_for()
    page.get_by_role("cell", name="47.11", exact=True).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    page.get_by_role("link", name="Alle Tags").click()
    page.get_by_role("link", name="ns=2;s=Oven/Power", exact=True).wait_for()


def test_a_ready_made_question_is_answered(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/sql")
    page.locator("[data-questions]").click()
    page.get_by_role("menuitem", name="Which values are silent or not good?").click()
    page.locator("table.grid").wait_for()
    assert "FROM latest" in page.locator(".cm-content").inner_text()
