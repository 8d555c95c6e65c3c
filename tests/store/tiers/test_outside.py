"""What lies where as other programs see it: the list of files, the account and a dry run, without asking the node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineshaft.cli.lake import lake
from lineshaft.core import ConfigError
from lineshaft.store import files_of
from tests.store.conftest import Home
from tests.store.tiers.bucket import DAYS, ROWS, SETTINGS, Bucket, filled, opened

TOML = '[tiers]\nbucket = "plant"\n[[tiers.rules]]\nolder = "1d"\nunread = "0s"\n'


@pytest.fixture
def sent(home: Home) -> Home:
    """A home all but one of whose days are in object storage, while its node runs."""
    (home.path / "settings.toml").write_text(TOML, encoding="utf-8")
    store = opened(home, Bucket())
    filled(store)
    store.tier.run()
    store.tier.cache.bring(store._index.of("samples")[:1])
    return home


def told(home: Home, *words: str) -> str:
    done = CliRunner().invoke(lake, [*words, "--home", str(home.path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_list_of_files_says_which_are_in_the_bucket(sent: Home) -> None:
    found = json.loads(told(sent, "files", "--json"))
    assert len([path for path in found if path.startswith("s3://plant/lineshaft/samples/day=")]) == DAYS - 1
    assert len([path for path in found if Path(path).exists()]) == 1
    assert all(Path(path).exists() for path in files_of(sent.path / "lake", "minute"))


def test_the_account_from_outside(sent: Home) -> None:
    found = {(one["table"], one["tier"]): one for one in json.loads(told(sent, "tiers", "--json"))["items"]}
    away = found["samples", "object"]
    assert (away["files"], away["rows"], away["oldest"]) == (DAYS, 2 * DAYS * ROWS, "2026-01-01T00:00:00Z")
    assert 0 < away["cached"] < away["size"]
    assert found["hour", "local"]["files"] == DAYS
    assert "AWS S3 us-east-1/plant" in told(sent, "tiers")


def test_a_dry_run_says_what_would_go_and_moves_nothing(home: Home) -> None:
    (home.path / "settings.toml").write_text(TOML, encoding="utf-8")
    store = opened(home, Bucket(), SETTINGS.model_copy(update={"rules": ()}))
    filled(store)
    said = told(home, "tiers", "--dry-run")
    assert said.count("would go: samples/day=") == DAYS
    assert f"would go: {DAYS} files" in said
    assert len(files_of(home.path / "lake", "samples")) == DAYS


def test_a_check_names_what_is_missing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINESHAFT_OBJECTS_KEY", raising=False)
    store = opened(home, Bucket())
    filled(store, 1)
    command = ["tiers", "--check", "--home", str(home.path)]
    with pytest.raises(ConfigError, match="no bucket is set"):
        CliRunner().invoke(lake, command, catch_exceptions=False)
    (home.path / "settings.toml").write_text(TOML, encoding="utf-8")
    with pytest.raises(ConfigError, match="LINESHAFT_OBJECTS_KEY is not set"):
        CliRunner().invoke(lake, command, catch_exceptions=False)
