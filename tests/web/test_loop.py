"""The main job in the browser: the plant is alive, the pump breaks, and what follows is on every page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import PASSWORD, PHONE, Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart, pytest.mark.timeout(180)]


def becomes_another(page: Any, selector: str) -> None:
    """Wait until the text of a cell is a number and then another one."""
    page.wait_for_function("s => /\\d/.test(document.querySelector(s)?.textContent ?? '')", arg=selector)
    before = page.locator(selector).first.inner_text()
    page.wait_for_function("([s, b]) => document.querySelector(s).textContent !== b", arg=[selector, before])


def person(admin: Any, name: str, role: str) -> None:
    """Add somebody with a role; the password is the admin's."""
    body = {"name": name, "password": PASSWORD, "roles": [role], "display": name.title()}
    headers = {"X-Lineshaft": "1", "Idempotency-Key": f"add-{name}"}
    made = admin.request.post("/api/v1/users", data=body, headers=headers)
    assert made.ok, made.text()


def test_the_overview_is_alive(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/")
    page.locator("[data-machine]").nth(4).wait_for()
    becomes_another(page, "[data-live='Bakery/Line 1/Oven/Good']")
    assert page.locator("[data-machine='Bakery/Line 1/Oven']").get_by_text("Constraint").is_visible()


def test_the_stream_comes_back_after_a_cut(browsers: Browsers) -> None:
    page = browsers.page()
    page.add_init_script(
        "const W = WebSocket; window.WebSocket = class extends W { constructor(...a) { super(...a); window.__ws = this; } }"
    )
    page.goto("/")
    page.locator("[data-connection=live]").wait_for()
    page.evaluate("window.__ws.close()")
    page.locator("[data-connection=lost]").wait_for()
    page.locator("[data-connection=live]").wait_for()
    becomes_another(page, "[data-live='Bakery/Line 1/Oven/Good']")


def test_slash_goes_to_the_search_of_a_page(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/ledger")
    page.locator("[data-search]").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("s=Coolant pump/Vib")
    page.get_by_text("ns=2;s=Coolant pump/Vibration").first.wait_for()
    rows = "[...document.querySelectorAll('tbody tr:has(a[href^=\"/ledger\"])')]"  # an import has a table of its own
    page.wait_for_function(f"{rows}.every(row => row.textContent.includes('Coolant pump/Vib'))")


def test_a_broken_pump_becomes_work_everywhere(browsers: Browsers) -> None:
    page = browsers.page()
    person(page, "petra", "planner")  # before the proposal: an account made by who proposed it since is no second person
    page.goto("/")
    page.locator("[data-action=break-pump]").click()
    page.get_by_text("Coolant pump vibration high").first.wait_for(timeout=90_000)

    page.goto("/alarms")
    row = page.locator("tr[data-alarm]").filter(has_text="Coolant pump vibration high")
    row.click()
    page.get_by_text("Unacknowledged").first.wait_for()
    page.keyboard.press("a")
    row.get_by_text("Acknowledged", exact=True).wait_for()

    page.goto("/orders")
    page.locator("a[data-order]").first.click()
    page.locator("[data-part=BRG-6205]").get_by_text("B-12").wait_for()
    page.locator("canvas").first.wait_for()
    page.locator("[data-step=start]").click()
    page.locator("[data-state=in_progress]").wait_for()
    for step in page.locator("[data-check]").all():
        step.get_by_role("button", name="OK", exact=True).click()
        step.locator("[aria-pressed=true]").wait_for()
    page.goto("/approvals")
    card = page.locator("[data-approval]").filter(has_text="BRG-6205")
    card.get_by_role("button", name="Edit").click()
    card.get_by_label("quantity").fill("5")
    card.get_by_role("button", name="Save the change").click()
    card.get_by_text("You changed this proposal").wait_for()
    assert card.locator("[data-decide=approve]").count() == 0

    second = browsers.page(name="petra")
    second.goto("/approvals")
    card = second.locator("[data-approval]").filter(has_text="BRG-6205")
    card.locator("[data-decide=approve]").click()
    card.wait_for(state="detached")

    page.goto("/cases")
    page.get_by_text("CASE-").first.click()
    page.locator("[aria-current=step]").first.wait_for()
    page.goto("/tower")
    page.get_by_text("Open a work order").first.wait_for()
    page.goto("/")
    page.locator("[data-action=mend-pump]").click()


def test_a_phone_shows_the_alarm_in_the_header_and_in_a_drawer(browsers: Browsers) -> None:
    page = browsers.page(size=PHONE)
    page.goto("/")
    page.locator("[data-action=break-pump]").click()
    page.get_by_role("link", name="Priority 1 critical").locator("text=1").first.wait_for(timeout=90_000)
    page.goto("/alarms")
    page.locator("button[data-alarm]").first.click()
    page.get_by_text("What to do").wait_for()
    page.get_by_role("button", name="Close").click()
    page.goto("/")
    page.locator("[data-action=mend-pump]").click()


def test_a_viewer_is_offered_nothing_that_would_be_refused(browsers: Browsers) -> None:
    person(browsers.page(), "vera", "viewer")
    page = browsers.page(name="vera")
    page.goto("/")
    page.locator("[data-machine]").first.wait_for()
    assert page.locator("[data-action=break-pump]").count() == 0
    page.locator("[data-group=house] button").click()
    page.get_by_role("link", name="Notifications").wait_for()
    assert page.get_by_role("link", name="Users and tokens").count() == 0
    page.goto("/alarms")
    page.get_by_role("heading", name="Alarms").wait_for()
    assert page.get_by_role("button", name="Acknowledge").count() == 0
