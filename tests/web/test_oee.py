"""The OEE page as a supervisor uses it: this shift, where the time went, the raw values behind it, why the line stood."""

from __future__ import annotations

import pytest

from tests.web.conftest import DESKTOP, PHONE, Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_a_figure_leads_to_the_shift_and_to_the_raw_values_behind_it(browsers: Browsers, size: tuple[int, int]) -> None:
    page = browsers.page(size=size)
    page.goto("/oee")
    page.locator("[data-oee]").wait_for()
    page.get_by_role("combobox", name="Shift", exact=True).click()
    page.get_by_role("option").first.click()
    rows = page.locator("[data-explain] tbody tr")
    rows.filter(has_text="State = 1").first.wait_for()
    page.get_by_role("combobox", name="Element", exact=True).click()
    page.get_by_role("option", name="Good parts", exact=True).click()
    rows.filter(has_text="readings").first.wait_for()
    assert rows.filter(has_text="State =").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_a_stop_is_coded_on_a_phone(browsers: Browsers) -> None:
    page = browsers.page(size=PHONE)
    command = {"X-Lineshaft": "1"}
    page.request.post("/api/v1/simulator/faults", data={"fault": "pump", "active": True}, headers=command)
    try:
        for _ in range(60):
            if page.request.get("/api/v1/downtime?limit=1").json()["items"]:
                break
            page.wait_for_timeout(1000)
        page.goto("/oee")
        choice = page.locator("input[aria-label^=Reason]").first
        choice.wait_for()
        choice.click()
        page.get_by_role("option", name="Material", exact=True).click()
        page.wait_for_function("[...document.querySelectorAll('input[aria-label^=Reason]')].some(e => e.value === 'Material')")
    finally:
        page.request.post("/api/v1/simulator/faults", data={"fault": "pump", "active": False}, headers=command)
