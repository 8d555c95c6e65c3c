"""Every page in both languages, on a desk and in a hand: readable by everybody, wide enough for nobody to scroll sideways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import DESKTOP, PHONE, ROOT, Browsers

pytestmark = [pytest.mark.browser, pytest.mark.counterpart]

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
PATHS = [
    "/",
    "/alarms",
    "/alarm-kpis",
    "/oee",
    "/production",
    "/logbook",
    "/trends?p=%5B%22Bakery%2FLine%201%2FOven%2FTemperature%22%2C%22Bakery%2FLine%201%2FOven%2FPower%22%5D",
    "/writes",
    "/processes",
    "/processes/maintenance",
    "/notifications",
    "/access",
    "/orders",
    "/spares",
    "/plans",
    "/technicians",
    "/instructions",
    "/maintenance",
    "/approvals",
    "/cases",
    "/tower",
    "/assistant?asset=Bakery%2FLine%201%2FCooler%2FCoolant%20pump&question=vibration",
    "/sources",
    "/discovery",
    "/sql",
    "/catalog",
    "/ledger",
    "/cost",
    "/condition",
    "/models",
    "/life",
    "/registry",
    "/documents",
    "/edges",
    "/webhooks",
    "/audit",
    "/users",
]


LISTED = {"/alarms", "/alarm-kpis", "/condition", "/registry"}
"""In a hand nothing on these pages is moved sideways, not even a table in its own place."""
SIDEWAYS = "e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'auto'"


def violations(page: Any) -> list[str]:
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(RULES + ".then(r => r.violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' | ')}`))")
    return [str(one)[:600] for one in found]


def machine_paths(page: Any) -> list[str]:
    items = page.request.get("/api/v1/assets?limit=500").json()["items"]
    return [f"/machines/{one['id']}" for one in items if one["path"].endswith(("/Oven", "/Coolant pump"))]


@pytest.mark.parametrize(
    ("language", "size", "scheme"),
    [
        ("en", DESKTOP, "light"),
        ("de", PHONE, "dark"),
        pytest.param("de", DESKTOP, "dark", marks=pytest.mark.slow),
        pytest.param("en", PHONE, "light", marks=pytest.mark.slow),
    ],
    ids=["en-desk", "de-phone-dark", "de-desk-dark", "en-phone"],
)
def test_every_page_is_accessible_and_fits(
    browsers: Browsers, language: str, size: tuple[int, int], scheme: str, tmp_path: Path
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is a development package of web/: run `npm ci` there")
    page = browsers.page(language=language, size=size, scheme=scheme)
    wrong: dict[str, list[str]] = {}
    for path in [*PATHS, *machine_paths(page)]:
        page.goto(path)
        page.locator("h1").first.wait_for()
        page.locator("[data-connection=live]").wait_for()
        page.wait_for_function("!document.querySelector('[data-waiting]')")
        found = violations(page)
        if page.evaluate("document.documentElement.scrollWidth") > size[0]:
            found.append("scrolls sideways")
        if size == PHONE and path in LISTED and page.evaluate(f"[...document.querySelectorAll('main *')].some({SIDEWAYS})"):
            found.append("a table scrolls sideways")
        if found:
            wrong[path] = found
            page.screenshot(path=str(tmp_path / f"{path.replace('/', '_')}.png"))
    assert wrong == {}


def test_the_login_speaks_both_languages_and_says_what_is_wrong(browsers: Browsers) -> None:
    page = browsers.page(language="de", name="")
    page.goto("/login")
    page.get_by_role("button", name="Anmelden").wait_for()
    assert violations(page) == []
    page.get_by_label("Name").fill("admin")
    page.locator("input[name=password]").fill("not the password")
    page.get_by_role("button", name="Anmelden").click()
    page.get_by_text("Name oder Passwort ist falsch").wait_for()
    page.get_by_role("button", name="EN", exact=True).click()
    page.get_by_text("Name or password is wrong").wait_for()
    # The browser itself notes the refused request in the console; that one is asked for here.
    browsers.complaints[:] = [one for one in browsers.complaints if "401" not in one]


def test_nobody_sees_a_page_without_a_session(browsers: Browsers) -> None:
    page = browsers.page(name="")
    page.goto("/orders")
    page.locator("input[name=name]").wait_for()
    assert "/login" in page.url
    browsers.complaints[:] = [one for one in browsers.complaints if "401" not in one]


def test_a_language_is_kept_and_numbers_follow_it(browsers: Browsers) -> None:
    page = browsers.page(language="en")
    page.goto("/")
    page.get_by_role("heading", name="Plant overview").wait_for()
    page.locator("[data-language=de]").click()
    page.get_by_role("heading", name="Werksübersicht").wait_for()
    page.reload()
    page.get_by_role("heading", name="Werksübersicht").wait_for()
    assert page.evaluate("document.documentElement.lang") == "de"
    figure = page.locator("[data-oee='Bakery/Line 1/Oven']")
    page.wait_for_function("e => /\\d,\\d/.test(e.textContent)", arg=figure.element_handle())


def test_groups_of_pages_fold_by_keyboard_and_are_remembered(browsers: Browsers) -> None:
    page = browsers.page()
    page.goto("/sources")
    page.get_by_role("link", name="Edge nodes").wait_for()  # the group of the page itself is open
    group = page.locator("[data-group=maintain] button")
    assert group.get_attribute("aria-expanded") == "false"
    assert page.get_by_role("link", name="Work orders").count() == 0
    group.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Work orders").wait_for()
    page.locator("[data-group=operate] button").click()
    page.reload()
    page.get_by_role("link", name="Work orders").wait_for()
    assert page.get_by_role("link", name="Logbook").count() == 0


def test_the_policy_of_the_pages_names_nobody_else(browsers: Browsers) -> None:
    page = browsers.page()
    said = page.request.get("/")
    assert "default-src 'self'" in said.headers["content-security-policy"]
    assert "http" not in said.headers["content-security-policy"]
