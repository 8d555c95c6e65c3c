"""An engineer puts a recorded value right where it is seen: in the trend, with a preview, and with a reason that stays."""

from __future__ import annotations

import pytest

from tests.web.conftest import DESKTOP, PHONE, Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]
TAG = "Bakery/Line 1/Oven/Temperature"


@pytest.mark.parametrize(("size", "right"), [(DESKTOP, "183.5"), (PHONE, "")], ids=["desk", "phone"])
def test_a_recorded_value_is_put_right_or_taken_back(browsers: Browsers, size: tuple[int, int], right: str) -> None:
    page = browsers.page(size=size)
    for _ in range(60):  # the plant has begun to be recorded
        if len(page.request.get(f"/api/v1/history?property={TAG}").json()["rows"]) > 2:
            break
        page.wait_for_timeout(500)
    page.goto(f'/trends?p=%5B"{TAG}"%5D&w=15m')
    page.locator("[data-correct]").click()
    page.get_by_role("menuitem", name=TAG).click()
    dialog = page.get_by_role("dialog")
    row = dialog.locator("[data-recorded] tbody tr").first
    row.wait_for()
    preview, apply = dialog.locator("[data-preview]"), dialog.locator("[data-apply]")
    if right:
        row.get_by_role("textbox").fill("hot")
        assert preview.is_disabled(), "no number"
        row.get_by_role("textbox").fill(right)
    else:
        row.get_by_role("checkbox").check()
    assert preview.is_disabled(), "a correction says why"
    dialog.get_by_role("textbox", name="Why").fill(f"probe was out of the oven {size[0]}")
    assert apply.is_disabled(), "nobody applies what was not looked at"
    preview.click()
    page.wait_for_function("!document.querySelector('[data-apply]')?.disabled")
    apply.click()
    dialog.get_by_role("button", name="Close").last.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    dialog.get_by_role("button", name="Close").last.click()
    done = page.locator("[data-corrected]").filter(has_text=f"probe was out of the oven {size[0]}")
    done.wait_for()
    assert (f"put to {right}" if right else "taken back") in done.inner_text()
