"""The workshop in the browser: a lock before the work, a photograph and a signature, the plans in all their views."""

from __future__ import annotations

import pytest

from tests.web.conftest import PHONE, Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]
PUMP = "Bakery/Line 1/Cooler/Coolant pump"


def test_a_technician_locks_out_works_and_signs_on_a_phone(browsers: Browsers) -> None:
    page = browsers.page(size=PHONE)
    body = {"asset": PUMP, "title": "Bearing", "urgency": 4, "permits": [{"text": "Q1", "points": ["Q1 off"]}]}
    body["checklist"] = [{"text": "Old bearing", "kind": "photo"}, {"text": "Done by", "kind": "signature"}]
    order = page.request.post("/api/v1/work-orders", data=body, headers={"X-Lineshaft": "1"}).json()
    page.goto(f"/orders/{order['id']}")
    page.get_by_label("Q1 off").check()
    page.locator("[data-lock]").click()
    page.locator("[data-locked]").wait_for()
    page.locator("[data-step=start]").click()
    page.locator("[data-state=in_progress]").wait_for()
    files = {"name": "b.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n"}
    page.locator("[data-check] input[type=file]").set_input_files(files)
    page.get_by_role("img", name="Old bearing").wait_for(state="attached")
    page.get_by_placeholder("Full name").fill("Anna Berg")
    page.get_by_role("button", name="Sign", exact=True).click()
    page.get_by_text("Signature: Anna Berg").wait_for()
    page.locator("[data-unlock]").click()
    page.locator("[data-permit=released]").wait_for()
    shown = page.request.get(f"/api/v1/work-orders/{order['id']}").json()
    assert [step["passed"] for step in shown["checklist"]] == [True, True]
    assert [one["kind"] for one in shown["attachments"]] == ["photo"]


def test_the_plans_show_list_calendar_and_a_year_ahead(browsers: Browsers) -> None:
    page = browsers.page()
    plan = {"name": "Clean", "asset": PUMP, "trigger": {"every": "1w", "from": "2026-01-05T06:00:00Z"}, "hours": 2}
    made = page.request.post("/api/v1/plans", data={"plan": plan}, headers={"X-Lineshaft": "1"})
    assert made.ok, made.text()
    page.goto("/plans")
    page.locator("[data-plan=Clean]").wait_for()
    page.get_by_text("Calendar", exact=True).click()
    page.locator("[data-outcome=foreseen]").first.wait_for()
    page.get_by_text("Forecast", exact=True).click()
    page.locator("[data-month]").first.wait_for()
    assert page.locator("[data-month]").count() == 12


def test_a_label_opens_its_part_and_the_count_is_written(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/spares?part=SEAL-32")
    page.get_by_role("img", name="QR code of SEAL-32").wait_for()
    page.get_by_label("Counted in the bin").fill("7")
    page.locator("[data-count]").click()
    page.get_by_text("Counted", exact=True).wait_for()
    assert page.request.get("/api/v1/spares/SEAL-32").json()["on_hand"] == 7
