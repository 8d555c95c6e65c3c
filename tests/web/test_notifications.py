"""Notifications in the browser: somebody chooses how they are told, tries it, makes a route and sees what became of a message."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lineshaft.act import ActSettings
from tests.act.notify.receivers import Hook, web_hook
from tests.doors.conftest import PASSWORD, House, make_house
from tests.web.conftest import DESKTOP, PHONE, STATIC, Browsers, Node
from tests.web.test_pages import violations

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[tuple[House, Hook]]:
    if not (STATIC / "index.html").is_file():
        pytest.skip("the pages are not built: run `make web`")
    with web_hook() as hook:
        channels = [{"name": "mail", "url": "mailto://localhost:9?from=line@plant.example&to={address}"}]
        channels.append({"name": "Control room", "url": f"json://127.0.0.1:{hook.port}/x"})
        for house in make_house(tmp_path, ActSettings.model_validate({"channels": channels})):
            house.rooms.act.notifier.start()
            yield house, hook
            house.rooms.act.notifier.stop()
    shutil.rmtree(tmp_path, ignore_errors=True)


def opened(chromium: Any, house: House, size: tuple[int, int], language: str) -> tuple[Browsers, Any]:
    browsers = Browsers(chromium, Node(str(house.client.base_url).rstrip("/"), house.rooms.store.etl.folder))
    page = browsers.page(name="", size=size, language=language)
    said = page.request.post("/api/v1/login", data={"name": "anna", "password": PASSWORD})
    assert said.ok, said.text()
    page.goto("/notifications")
    page.locator("[data-channel]").first.wait_for()
    return browsers, page


def test_a_planner_chooses_tries_and_makes_a_route(chromium: Any, telling: tuple[House, Hook]) -> None:
    house, hook = telling
    browsers, page = opened(chromium, house, DESKTOP, "en")
    page.locator("[data-channel='Control room'] label").click()
    page.locator("[data-save-choice]").click()
    page.locator("[data-channel='Control room']").get_by_role("button", name="Send a test").click()
    page.locator("[data-message=delivered]").wait_for()
    assert hook.wait(1)[0]["title"] == "Test: Anna Berg"
    page.locator("[data-add-route]").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Night shift")
    page.locator("[data-save-route]").click()
    page.locator("[data-route='Night shift']").wait_for()
    (route,) = [one for one in house.get("notifications/routes")["items"] if one["name"] == "Night shift"]
    assert (route["who"], route["kinds"]) == ("concerned", ["alarm", "approval", "order", "case", "system"])
    assert violations(page) == []
    page.locator("[data-route='Night shift']").get_by_role("button", name="Change", exact=True).click()
    page.locator("[data-drop-route]").click()
    page.locator("[data-route='Night shift']").wait_for(state="detached")
    browsers.close()
    assert browsers.complaints == []


def test_the_page_fits_a_phone_in_german(chromium: Any, telling: tuple[House, Hook]) -> None:
    house, _ = telling
    house.post("notifications/routes", {"name": "Alle Alarme", "who": "channel:Control room", "kinds": ["alarm"]})
    browsers, page = opened(chromium, house, PHONE, "de")
    page.locator("[data-route='Alle Alarme']").wait_for()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    browsers.close()
    assert browsers.complaints == []
