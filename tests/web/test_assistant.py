"""The assistant at the machine, and the switch of agents, as a person uses them."""

from __future__ import annotations

import pytest

from tests.web.conftest import DESKTOP, PHONE, Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]
TROUBLE = "/assistant?asset=Bakery%2FLine%201%2FCooler%2FCoolant%20pump&question=coupling%20gap"


def test_a_question_is_answered_with_its_source_and_becomes_a_work_order(browsers: Browsers) -> None:
    page = browsers.page(size=PHONE)
    page.goto(TROUBLE)
    page.locator("[data-passage=document]").first.wait_for()
    assert "Coolant pump CP-120 manual" in page.locator("[data-passage=document]").first.inner_text()
    assert page.locator("[data-assist-guide]").count() == 0  # no model is configured: nothing offers one
    page.locator("[data-assist-order]").click()
    page.wait_for_url("**/orders/*")
    page.locator("h1", has_text="coupling gap").wait_for()
    page.get_by_text("2 to 4 mm").first.wait_for()


def test_the_switch_stops_all_agents_and_says_so(browsers: Browsers) -> None:
    page = browsers.page(size=DESKTOP)
    page.goto("/tower")
    page.locator("[data-tower-view]").get_by_text("Agents").click()
    page.locator("[data-stop-all]").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("fire drill")
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.locator("[data-all-stopped]").wait_for()
    assert "fire drill" in page.locator("[data-all-stopped]").inner_text()
    page.locator("[data-resume-all]").click()
    page.locator("[data-stop-all]").wait_for()
    page.locator("[data-tower-view]").get_by_text("Deeds").click()
    page.get_by_text("all agents: let go on").wait_for()
