"""Fixtures every room's tests share, and the rule that a counterpart may not be skipped where CI requires it.

`database` is a fresh, empty database on SQLite and, where a server can be started, on PostgreSQL: migrate your own room's
tables into it. With LINESHAFT_REQUIRE_COUNTERPARTS=1 a test marked `counterpart` or `browser` that skips fails instead.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from lineshaft.core import Database
from tests.counterparts import postgresql
from tools import bootstrap

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or every node a test starts compiles all it imports: half of its start
sys.dont_write_bytecode = False
ROOT = Path(__file__).resolve().parents[1]
settings.register_profile("house", deadline=None)  # a busy machine is not a failure
settings.load_profile("house")
NO_DATA = "the recorded data is not here"


def required() -> bool:
    """True where every counterpart must have been met."""
    return os.environ.get("LINESHAFT_REQUIRE_COUNTERPARTS", "") not in ("", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones, so that two workers end together; whole nodes and browsers get more time than the others."""

    def short(item: pytest.Item) -> bool:
        long = item.get_closest_marker("chaos") or item.get_closest_marker("browser") or item.get_closest_marker("slow")
        return not long and "flow" not in item.path.parts

    first = {item.path for item in items if not short(item)}
    items.sort(key=lambda item: item.path not in first)
    for item in items:
        whole = item.get_closest_marker("browser") or "flow" in item.path.parts
        if whole and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(400))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    met = not (item.get_closest_marker("counterpart") or item.get_closest_marker("browser"))
    if report.skipped and not met and not hasattr(report, "wasxfail") and required() and NO_DATA not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"LINESHAFT_REQUIRE_COUNTERPARTS is set, but {item.nodeid} was skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    report = yield
    if report.skipped and required():
        report.outcome = "failed"
        report.longrepr = f"LINESHAFT_REQUIRE_COUNTERPARTS is set, but {collector.nodeid} was skipped whole: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.PostgreSQL]:
    """One PostgreSQL server for the whole session, or a skip that says what is missing."""
    running = postgresql.running()
    try:
        server = running.__enter__()
    except postgresql.Absent as reason:
        pytest.skip(str(reason))
    yield server
    running.__exit__(None, None, None)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.counterpart)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database; for tests that open it themselves, or in a process of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'lineshaft.db'}"
        return
    server: postgresql.PostgreSQL = request.getfixturevalue("postgresql_server")
    url = server.fresh()
    yield url
    server.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty Database, without any room's tables."""
    db = Database(database_url)
    yield db
    db.close()


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of recorded plant data: LINESHAFT_DATA, or ../shared/data beside the checkout."""
    folder = Path(os.environ.get("LINESHAFT_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"{NO_DATA}: {folder} (set LINESHAFT_DATA)")
    return folder


@pytest.fixture(scope="session")
def node() -> Path:
    """A node that is new enough: the one `make` installed beside Python, or the machine's."""
    found = bootstrap.node()
    if found:
        return found
    pytest.skip("no node >= 22.13 here: `make web` brings it")


@pytest.fixture(scope="session")
def npm_counterparts() -> Path:
    """The folder tests/counterparts with its node_modules (node-opcua ...): run scripts that lie in it."""
    folder = ROOT / "tests" / "counterparts"
    if not (folder / "node_modules").is_dir():
        pytest.skip("the npm counterparts are not installed: `python -m tools.counterparts` brings them")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what the red team tried, what the node answered, and under which name it is in the audit."""

    def tried(outcome: str) -> list[list[str]]:
        reports = [one for one in terminalreporter.stats.get(outcome, []) if getattr(one, "when", "") == "call"]
        return [row for one in reports for name, row in one.user_properties if name == "redteam"]

    held, fell = tried("passed"), [one.nodeid for one in terminalreporter.stats.get("failed", []) if "redteam" in one.nodeid]
    if not held and not fell:
        return
    terminalreporter.section("red team")
    for name, answer, where in sorted(held):
        terminalreporter.write_line(f"{name[:74]:<74}  {answer[:44]:<44}  {where[:44]}")
    said = f"{len(held)} attempts held and on record, {len(fell)} tests fell"
    terminalreporter.write_line(said, red=bool(fell), green=not fell)
