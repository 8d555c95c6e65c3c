"""The doctor looks outside: what answers, what is missing, and no secret on the screen."""

from __future__ import annotations

import pytest

from lineshaft.cli.outside import outside_answers
from tests.maintain.standins import ErpNext


@pytest.fixture
def there():
    standin = ErpNext()
    yield standin
    standin.close()


def test_systems_outside_are_reached_and_secrets_only_named(there, tmp_path, monkeypatch):
    (tmp_path / "settings.toml").write_text(
        f'[maintain]\nerp = "erpnext"\n[maintain.erp_options]\nurl = "{there.url}"\ncompany = "Bakery AG"\n'
        f'[[webhooks]]\nname = "board"\nurl = "{there.url}"\nsecret_env = "BOARD_SECRET"\n'
    )
    said = list(outside_answers(tmp_path))
    assert [one[1] for one in said] == ["fail", "fail"]
    assert "ERPNEXT_TOKEN" in said[0][2]
    assert "BOARD_SECRET" in said[1][2]
    monkeypatch.setenv("ERPNEXT_TOKEN", "abc123key:s3cret-value-77")
    monkeypatch.setenv("BOARD_SECRET", "s3cret-value-77")
    said = list(outside_answers(tmp_path))
    assert [one[:2] for one in said] == [("erp erpnext", "ok"), ("webhook board", "ok")]
    there.deny = True
    said = list(outside_answers(tmp_path))
    assert said[0][1] == "fail"
    assert "s3cret" not in str(said)
