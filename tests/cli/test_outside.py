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


def test_feeds_are_looked_at_their_secrets_only_named(tmp_path, monkeypatch):
    sql = 'type = "sql"\nkind = "lots"\nquery = "SELECT lot, t FROM lots"\nmark = "t"\ncolumns = {lot = "lot"}\n'
    (tmp_path / "settings.toml").write_text(
        f'[[feeds]]\nname = "erp"\n{sql}url_env = "ERP_URL"\n'
        f'[[feeds]]\nname = "files"\ntype = "files"\nfolder = "{tmp_path / "nowhere"}"\n'
        f'[[feeds]]\nname = "here"\ntype = "files"\nfolder = "{tmp_path}"\n'
        '[[feeds]]\nname = "odd"\ntype = "exel"\n'
    )
    said = {one[0]: one[1:] for one in outside_answers(tmp_path)}
    assert [said[f"feed {name}"][0] for name in ("erp", "files", "here", "odd")] == ["fail", "warn", "ok", "fail"]
    assert "ERP_URL" in said["feed erp"][1]
    monkeypatch.setenv("ERP_URL", "postgresql+psycopg://reader:s3cret@127.0.0.1:9/erp")
    erp = next(one for one in outside_answers(tmp_path) if one[0] == "feed erp")
    assert erp[1] == "fail"
    assert "does not answer" in erp[2]
    assert "s3cret" not in str(erp)
    monkeypatch.setenv("ERP_URL", f"sqlite:///{tmp_path / 'erp.db'}")
    assert next(one for one in outside_answers(tmp_path) if one[0] == "feed erp")[1] == "ok"


def test_a_scheduler_of_trainings_that_is_away_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("lineshaft.detect.heavy.dask.CONNECT_S", 0.3)
    (tmp_path / "settings.toml").write_text('[training]\nscheduler = "tcp://127.0.0.1:9"\n')
    *_, (name, state, message, hint) = outside_answers(tmp_path)
    assert (name, state) == ("trainings", "fail")
    assert "the Dask scheduler tcp://127.0.0.1:9 does not answer" in message
    assert "leave [training] scheduler empty to train on this node" in hint
