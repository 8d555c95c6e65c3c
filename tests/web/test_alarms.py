"""An alarm as the plant's people work with it: taken out of service and put back, founded, and its history read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.conftest import PHONE, Browsers
from tests.web.test_pages import violations

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]

OVEN = "Oven temperature deviation"


def test_an_alarm_is_taken_out_of_service_put_back_and_founded(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/alarms")
    page.get_by_text("All", exact=True).first.click()
    page.locator("tr[data-alarm]").filter(has_text=OVEN).click()
    page.get_by_role("button", name="Out of service").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("button", name="Out of service").is_disabled(), "never without a reason"
    dialog.get_by_label("Reason").fill("the door is being repaired")
    dialog.get_by_role("button", name="Out of service").click()
    page.locator("tr[data-alarm]").filter(has_text=OVEN).filter(has_text="Out of service").wait_for()
    page.get_by_text("the door is being repaired").first.wait_for()
    page.get_by_role("button", name="Put back in service").click()
    page.locator("tr[data-alarm]").filter(has_text=OVEN).filter(has_text="Normal").wait_for()
    page.get_by_text("History", exact=True).click()
    page.locator("[data-history]").get_by_text("the door is being repaired").wait_for()
    page.get_by_text("Why it exists", exact=True).click()
    page.get_by_text("Nobody has written down yet why this alarm exists.").wait_for()
    page.get_by_role("button", name="Rationalise").click()
    page.get_by_label("Time to respond (min)").fill("60")
    page.locator("[data-priority='4']").wait_for()
    page.get_by_label("Time to respond (min)").fill("20")
    page.locator("[data-priority='3']").wait_for()
    page.get_by_role("button", name="Keep this record").click()
    page.locator("[data-record='1']").wait_for()
    page.locator("[data-record='1']").get_by_text("20 min").first.wait_for()


def test_the_figures_say_beside_what_they_stand_also_in_a_hand(browsers: Browsers) -> None:
    page = browsers.page(language="de", size=PHONE)
    page.goto("/alarms")
    page.locator("main a[href='/alarm-kpis']").click()
    table = page.locator("[data-listed=benchmarks]")
    table.get_by_text("Alarme in der Stunde").wait_for()
    assert "≤ 6 (12)" in table.inner_text()
    scrolling = "e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'auto'"
    assert page.evaluate(f"[...document.querySelectorAll('main *')].filter({scrolling}).length") == 0
    page.get_by_text("7 Tage", exact=True).click()
    page.get_by_label("Bediener").fill("2")
    page.get_by_text("Gestrichelt: Ab mehr als 20 in zehn Minuten beginnt eine Flut.").wait_for()


def test_a_finding_opens_with_its_evidence_and_leads_to_its_signal(browsers: Browsers) -> None:
    page = browsers.page()
    oven = "Bakery/Line 1/Oven"
    now = datetime.now(UTC)
    evidence = {"property": f"{oven}/Temperature", "start": (now - timedelta(minutes=9)).isoformat(), "end": now.isoformat()}
    said = {**evidence, "value": 231.5, "limit": 225.0, "says": "231.5 °C where 225 °C is the limit", "lasts": True}
    parts = [("Power", 0.7, 9.1), ("Temperature", 0.29, 231.5)]
    strongest = [{"sensor": f"{oven}/{a}", "share": b, "observed": c, "expected": 1, "marginal_z": 6.5} for a, b, c in parts]
    said["strongest"] = {"at": (now - timedelta(minutes=1)).isoformat(), "score": 0.93, "explanation": strongest, "rest": 0.01}
    sensors = [{"property": f"{oven}/Temperature", "share": 0.8}, {"property": f"{oven}/Power", "share": 0.2}]
    body = {"asset": oven, "kind": "temperature", "score": 0.3, "sensors": sensors, "evidence": said}
    made = page.request.post("/api/v1/findings", data=body, headers={"X-Lineshaft": "1"}).json()
    page.goto("/alarms?tab=alerts")
    row = page.locator(f"[data-finding='{made['id']}']")
    row.get_by_role("button", name="Temperature").click()
    shown = page.locator("[data-evidence]")
    shown.get_by_text("231.5 > 225 °C").wait_for()
    shown.locator("[data-beginning]").get_by_text("80%", exact=True).wait_for()
    highest = shown.locator("[data-strongest]")
    highest.get_by_text("Strongest so far: ").wait_for()
    for text in ("70%", "9.10", "all others", "1%"):
        highest.get_by_text(text, exact=True).wait_for()
    shown.get_by_text("0.93 of 1 (1 is most urgent); 0.30 when it was filed").wait_for()
    shown.locator("[data-signal] canvas").wait_for()
    assert f"finding={made['id']}" in page.url, "it can be sent to somebody"
    assert violations(page) == []
    shown.get_by_role("combobox").click()
    page.get_by_role("option", name="False alarm").click()  # and the alert behind it is over
    shown.get_by_role("link", name="Open in Trends").click()
    page.locator("[data-trends=there]").wait_for()
    page.get_by_text(f"{oven}/Power").first.wait_for()
    page.go_back()
    page.wait_for_function("document.querySelector('[data-evidence] input')?.value === 'False alarm'")
    page.keyboard.press("Escape")
    shown.wait_for(state="detached")
    page.get_by_text("Not judged", exact=True).first.click()
    row.wait_for(state="detached")


@pytest.mark.slow
def test_an_alarm_that_does_not_stand_has_an_address_too(browsers: Browsers) -> None:
    page = browsers.page(language="de", size=PHONE)
    page.goto("/alarms")
    items = page.request.get("/api/v1/alarms?state=all&limit=500").json()["items"]
    alarm = next(one for one in items if one["name"] == OVEN)
    page.goto(f"/alarms?alarm={alarm['id']}")
    drawer = page.get_by_role("dialog")
    drawer.get_by_text(alarm["cause"]).wait_for()
    page.reload()
    drawer.get_by_text(alarm["cause"]).wait_for()
    drawer.get_by_role("button", name="Schließen").click()
    drawer.wait_for(state="detached")
    assert "alarm=" not in page.url


@pytest.mark.slow
def test_a_position_is_changed_in_the_steps_it_was_commissioned_in_and_taken_off(browsers: Browsers) -> None:
    page = browsers.page()
    pump = "Bakery/Line 1/Cooler/Coolant pump"
    page.goto("/condition")
    page.get_by_role("button", name="Commission a position").click()
    page.get_by_role("button", name="Pick").first.click()
    name = page.get_by_role("textbox", name="Name of the position")
    name.fill("Drive end")
    page.get_by_text("The machine has a part of this name already.").wait_for()
    assert page.get_by_role("button", name="Next").is_disabled(), "said here, not at the end"
    name.fill("Free end")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Commission", exact=True).click()
    page.get_by_role("heading", name=f"{pump}/Free end").wait_for()
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    assert page.get_by_role("button", name="Save").is_disabled(), "nothing is different yet"
    page.get_by_label("Speed").fill("1475")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("1,475 /min").wait_for()
    page.get_by_role("button", name="Take off", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Take off").click()
    page.get_by_text("was taken off").wait_for()
    page.get_by_role("button", name=f"{pump}/Free end").wait_for(state="detached")
