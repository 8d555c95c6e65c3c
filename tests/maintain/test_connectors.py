"""What every connector must do, run on every plugin that is registered: a new one is red until it has a stand-in or a server."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from lineshaft.core import ConfigError, CredentialsError, InvalidInput, Retryable
from lineshaft.maintain.connector import SUPPLY, Connector
from lineshaft.maintain.connectors import erp_plugins, make_connector
from tests.maintain.standins import STANDINS, Rest, Sap, StandIn

PURCHASE = {
    "id": "1f0c9a52-6c1e-4f0e-9d53-9a7f0a3f6d11", "number": "PO-000007", "part": "BRG-6205", "name": "Deep groove ball bearing",
    "quantity": 6.0, "unit_cost": 24.5, "cost": 147.0, "created": "2026-11-21T06:00:00Z", "reason": "below minimum",
}  # fmt: skip
ELSEWHERE = {"outbox": "test_purchase.py, on real files", "tryton": "test_tryton.py, on a real server"}
TWINS = [(name, twin) for name, twins in STANDINS.items() for twin in twins]


@pytest.fixture(params=TWINS, ids=lambda twin: twin[1].__name__)
def met(request, monkeypatch):
    name, twin = request.param
    there = twin()
    for variable, value in twin.env.items():
        monkeypatch.setenv(variable, value)
    yield there, make_connector(Path(), name, {**twin.options, "url": there.url, "timeout_s": 5}, "erp")
    there.close()


def test_every_registered_plugin_is_tried_here():
    assert set(erp_plugins()) == {*STANDINS, *ELSEWHERE}
    for name in erp_plugins():
        plugin = erp_plugins().load(name)
        assert issubclass(plugin, Connector)
        assert plugin.purchases or plugin.orders


def test_asking_again_orders_once(met):
    there, erp = met
    first = erp.order(PURCHASE)
    assert first
    assert erp.order(PURCHASE) == first
    assert len(there.living()) == len(there.things) == 1
    erp.order({**PURCHASE, "id": "2a", "number": "PO-000008"})
    assert len(there.living()) == 2
    assert erp.check()


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(met):
    there, erp = met
    seen = erp.rehearse(PURCHASE)
    assert seen is not None
    assert seen.there == ""
    assert "PO-000007" in str(seen.would) or "0000071f0c" in str(seen.would)
    assert there.living() == []
    reference = erp.order(PURCHASE)
    again = erp.rehearse(PURCHASE)
    assert again is not None
    assert (reference in again.there, dict(again.would)) == (True, {})
    assert len(there.living()) == 1


def test_an_answer_lost_after_the_order_was_made_makes_no_second_one(met):
    there, erp = met
    there.lose = True
    with pytest.raises(Retryable) as lost:
        erp.order(PURCHASE)
    assert lost.value.code == "erp.away"
    assert len(there.things) == 1
    assert erp.order(PURCHASE)
    assert len(there.living()) == len(there.things) == 1


def test_how_it_stands_there_comes_back(met):
    there, erp = met
    erp.order(PURCHASE)
    said = erp.supply(PURCHASE)
    assert said is not None
    assert said.state == "ordered"
    assert said.text
    requisition = isinstance(there, Sap) and "document" not in there.options
    if not requisition:  # a requisition is fulfilled by an order of its own, which SAP's people make
        there.deliver("received")
        assert erp.supply(PURCHASE).state == "received"
    there.deliver("cancelled")
    assert erp.supply(PURCHASE).state in (("received", "cancelled") if isinstance(there, Sap) else ("cancelled",))
    assert erp.supply(PURCHASE).state in SUPPLY


def test_trouble_is_told_apart_and_no_secret_is_told(met, caplog):
    there, erp = met
    caplog.set_level(logging.DEBUG)
    said = []
    there.away = True
    with pytest.raises(Retryable) as away:
        erp.order(PURCHASE)
    said.append(away.value)
    there.away, there.deny = False, True
    with pytest.raises(CredentialsError) as denied:
        erp.order(PURCHASE)
    said.append(denied.value)
    there.deny = False
    with pytest.raises(InvalidInput) as unknown:
        erp.order({**PURCHASE, "part": "NO-SUCH-PART"})
    if not isinstance(there, Rest):
        assert unknown.value.code == "erp.unknown-product"
        assert "NO-SUCH-PART" in str(unknown.value)
    said.append(unknown.value)
    assert there.things == []
    there.server.shutdown()
    there.server.server_close()
    with pytest.raises(Retryable) as gone:
        erp.order(PURCHASE)
    told = " ".join([*(str(error) + repr(error) + repr(error.details) for error in (*said, gone.value)), caplog.text])
    assert not any(secret in told for secret in there.secrets)


def test_a_secret_that_is_not_set_is_named_and_nothing_is_sent(met, monkeypatch):
    there, erp = met
    for variable in there.env:
        monkeypatch.delenv(variable)
    with pytest.raises(ConfigError, match=next(iter(there.env))):
        erp.order(PURCHASE)
    assert there.things == []


@pytest.mark.parametrize("name", sorted(STANDINS))
def test_options_are_checked_when_the_node_starts(name):
    twin: type[StandIn] = STANDINS[name][0]
    good = {**twin.options, "url": "https://erp.example"}
    for wrong, said in (
        ({"url": "https://user:pw@erp.example"}, "environment variable"),
        ({"url": "file:///etc/passwd"}, "http"),
        ({"timeout": 3}, "not a setting"),
    ):
        with pytest.raises(ConfigError, match=said) as error:
            make_connector(Path(), name, {**good, **wrong}, "erp")
        assert "pw" not in str(error.value)
    if name == "rest":
        doubling = {**good, "purchase": {**good["purchase"], "find": {"path": "/purchases"}}}
        with pytest.raises(ConfigError, match="mark"):
            make_connector(Path(), name, doubling, "erp")
