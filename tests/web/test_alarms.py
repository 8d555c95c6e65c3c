"""An alarm as the plant's people work with it: taken out of service and put back, founded, and its history read."""

from __future__ import annotations

import pytest

from tests.web.conftest import PHONE, Browsers

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
    table = page.locator("[data-benchmarks]")
    table.get_by_text("Alarme in der Stunde").wait_for()
    assert "≤ 6 (12)" in table.inner_text()
    page.get_by_text("7 Tage", exact=True).click()
    page.get_by_label("Bediener").fill("2")
    page.get_by_text("Gestrichelt: Ab mehr als 20 in zehn Minuten beginnt eine Flut.").wait_for()
