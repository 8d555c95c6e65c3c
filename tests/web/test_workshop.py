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


def test_a_planner_writes_a_plan_a_card_an_instruction_and_a_code(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/plans")
    page.locator("[data-add-plan]").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Plan", exact=True).fill("Grease")
    dialog.get_by_label("Asset").first.fill("Coolant pump")
    page.get_by_role("option", name=PUMP, exact=True).click()
    dialog.get_by_label("Every").fill("2w")
    dialog.get_by_label("Skills").fill("mechanical 2")
    page.locator("[data-save-plan]").click()
    page.locator("[data-plan=Grease]").wait_for()
    page.get_by_role("button", name="Change: Grease", exact=True).click()
    dialog.get_by_label("Title").fill("Grease both bearings")
    page.locator("[data-save-plan]").click()
    page.get_by_text("Grease both bearings").wait_for()
    (plan,) = [one for one in page.request.get("/api/v1/plans").json()["items"] if one["name"] == "Grease"]
    assert (plan["trigger"]["every"], plan["skills"], plan["title"]) == ("2w", {"mechanical": 2}, "Grease both bearings")

    page.goto("/technicians")
    page.locator("[data-add-technician]").click()
    dialog.get_by_label("User name").fill("tilda")
    dialog.get_by_role("textbox", name="Name", exact=True).fill("Tilda Vogt")
    dialog.get_by_label("Skills").fill("mechanical 4, electrical 2")
    page.locator("[data-save-technician]").click()
    page.get_by_text("Tilda Vogt").wait_for()

    page.goto("/instructions")
    page.locator("[data-add-instruction]").click()
    dialog.get_by_label("Short name").fill("grease")
    dialog.get_by_label("Title").fill("Grease the bearings")
    dialog.get_by_label("Locks and permits").fill("Main switch Q1\nQ1 off")
    dialog.get_by_label("Step 1", exact=True).fill("Wipe the nipple")
    page.locator("[data-add-step]").click()
    dialog.get_by_label("Step 2", exact=True).fill("Give 5 g")
    page.locator("[data-save-instruction]").click()
    page.get_by_text("2. Give 5 g").wait_for()
    page.locator("[data-edit-instruction]").click()
    dialog.get_by_label("Move step 2 up").click()
    page.locator("[data-save-instruction]").click()
    page.get_by_text("1. Give 5 g").wait_for()
    written = page.request.get("/api/v1/instructions/grease").json()
    assert (written["number"], written["content"]["permits"]) == (2, [{"text": "Main switch Q1", "points": ["Q1 off"]}])

    page.goto("/maintenance")
    page.get_by_role("textbox", name="Code", exact=True).fill("FLOUR")
    page.get_by_label("Meaning").fill("flour in the bearing")
    page.locator("[data-save-code]").click()
    page.locator("[data-code=FLOUR]").wait_for()
    page.get_by_role("button", name="Retire: FLOUR", exact=True).click()
    page.locator("[data-code=FLOUR]").wait_for(state="detached")


def test_a_table_is_looked_at_before_it_is_taken(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/spares")
    page.locator("[data-table-files]").click()
    choose = page.locator("input[type=file]")
    wrong = b"part,name,on_hand\nBELT-1,Belt,-2\n"
    choose.set_input_files({"name": "parts.csv", "mimeType": "text/csv", "buffer": wrong})
    page.locator("[data-wrong]").wait_for()
    assert page.locator("[data-take-table]").is_disabled()
    choose.set_input_files({"name": "parts.csv", "mimeType": "text/csv", "buffer": wrong.replace(b"-2", b"2")})
    page.get_by_text("1 rows: 1 new, 0 changed, 0 as they are").wait_for()
    page.locator("[data-take-table]").click()
    page.locator("[data-part=BELT-1]").wait_for()
    page.goto("/")
    page.locator("[data-table-files]").click()
    table = b"path,level\nBakery/Line 1/Depanner,machine\n"
    choose.set_input_files({"name": "assets.csv", "mimeType": "text/csv", "buffer": table})
    page.get_by_text("+ Bakery/Line 1/Depanner").wait_for()
    page.get_by_role("button", name="Cancel").click()


def test_an_approval_shows_what_would_be_written_outside(browsers: Browsers) -> None:
    page = browsers.page()
    body = {"part": "COUP-L095", "quantity": 2}
    made = page.request.post("/api/v1/purchases", data=body, headers={"X-Lineshaft": "1"}).json()
    page.goto("/approvals")
    card = page.locator("[data-approval]").filter(has_text=made["number"])
    card.locator("[data-rehearse]").click()
    card.locator("[data-rehearsed]").get_by_text(f"outbox/{made['number']}").wait_for()
    assert page.request.get("/api/v1/purchases?state=proposed").json()["items"]


def test_a_label_opens_its_part_and_the_count_is_written(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/spares?part=SEAL-32")
    page.get_by_role("img", name="QR code of SEAL-32").wait_for()
    page.get_by_label("Counted in the bin").fill("7")
    page.locator("button[data-count]").click()
    page.get_by_text("Counted", exact=True).wait_for()
    assert page.request.get("/api/v1/spares/SEAL-32").json()["on_hand"] == 7
