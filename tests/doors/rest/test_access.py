"""Whom the node believes, over REST: certificates that wait, and devices with secrets of their own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from asyncua.crypto.cert_gen import setup_self_signed_certificate

from lineshaft.connect import TrustList
from lineshaft.core import CredentialsError
from tests.doors.conftest import House


@pytest.fixture
def home(house: House) -> Path:
    return house.rooms.store.home


def test_a_certificate_waits_until_it_was_compared(house: House, home: Path):
    der = home / "server.der"
    asyncio.run(setup_self_signed_certificate(home / "key.pem", der, "urn:press", "localhost", [], {"organizationName": "Press"}))
    with pytest.raises(CredentialsError):
        TrustList(home / "pki").meet("press", der.read_bytes(), first_sight=False)
    (waits,) = house.get("certificates")["items"]
    assert (waits["source"], waits["trusted"], waits["uri"]) == ("press", False, "urn:press")
    assert house.post("certificates/press/accept", {"fingerprint": "0" * 64}).status_code == 422
    house.post("certificates/press/accept", {"fingerprint": waits["fingerprint"][:12]})
    assert [one["trusted"] for one in house.get("certificates")["items"]] == [True]
    assert TrustList(home / "pki").meet("press", der.read_bytes(), first_sight=False) is False


def test_a_device_is_added_renewed_and_shut_out(house: House, home: Path):
    made = house.post("devices", {"name": "dryer-3", "note": "hall 2"}).json()
    assert made["topics"] == ["dryer-3/#"]
    (listed,) = house.get("devices")["items"]
    assert (listed["name"], listed["revoked"], listed["online"]) == ("dryer-3", None, False)
    assert made["secret"] not in json.dumps(house.get("devices"))
    again = house.post("devices/dryer-3/secret", {}).json()
    assert again["secret"] != made["secret"]
    assert "dryer-3" in json.loads((home / "devices.json").read_text())
    assert house.ask("DELETE", "devices/dryer-3").status_code == 200
    assert json.loads((home / "devices.json").read_text()) == {}
    assert house.get("devices")["items"][0]["revoked"]
