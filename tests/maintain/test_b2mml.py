"""Work orders as B2MML: what goes out comes in again, and nothing but plain, bounded XML is read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lineshaft.core import ConfigError, InvalidInput
from lineshaft.maintain import Answered, read_b2mml, write_b2mml
from tests.counterparts.programs import MEND, python
from tests.maintain.conftest import BERT, PUMP

SCHEMA = Path(__file__).with_name("b2mml.xsd")
CHECK = (
    "import sys; from lxml import etree; s = etree.XMLSchema(etree.parse(sys.argv[1])); s.assertValid(etree.parse(sys.argv[2]))"
)


@pytest.fixture
def order(lite):
    lite.part()
    made = lite.order(title="Pump <shakes> & hums\x07", failure_mode="VIB", kind="predictive", due=1_763_700_000 * 10**9)
    with lite.db.begin() as tx:
        lite.spares.reserve(tx, made["id"], "BRG-6205", 2, BERT)
    return lite.orders.get(made["id"])


@pytest.mark.parametrize("form", ["work-request", "job-order"])
def test_an_order_goes_out_and_comes_in_as_one(order, form):
    (asked,) = read_b2mml(write_b2mml(order, form))
    assert not isinstance(asked, Answered)
    assert (asked.external, asked.asset, asked.priority, asked.due) == (order["number"], PUMP, order["priority"], order["due"])
    assert asked.title == "Pump <shakes> & hums"


def test_what_was_done_goes_out_and_comes_in(lite, order):
    lite.do("start", order["id"])
    lite.do("hold", order["id"], "parts")
    (answered,) = read_b2mml(write_b2mml(lite.orders.get(order["id"]), "job-response"))
    assert isinstance(answered, Answered)
    assert (answered.order, answered.state) == (order["number"], "on_hold")


@pytest.mark.counterpart
@pytest.mark.parametrize("form", ["work-request", "job-order", "job-response"])
def test_the_order_of_the_elements_is_valid(order, form, tmp_path):
    interpreter = python("tryton")  # lxml lies there
    if interpreter is None:
        pytest.skip(f"lxml is not here: {MEND}")
    file = tmp_path / "job.xml"
    file.write_bytes(write_b2mml(order, form))
    done = subprocess.run([interpreter, "-c", CHECK, SCHEMA, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file.write_bytes(write_b2mml(order, form).replace(b"<WorkType>", b"<Urgency>").replace(b"</WorkType>", b"</Urgency>"))
    assert subprocess.run([interpreter, "-c", CHECK, SCHEMA, file], capture_output=True, check=False).returncode != 0


def test_scopes_of_earlier_versions_are_read_too():
    inner = "<HierarchyScope><EquipmentID>B</EquipmentID></HierarchyScope>"
    outer = f"<HierarchyScope><EquipmentID>A</EquipmentID>{inner}</HierarchyScope>"
    (asked,) = read_b2mml(f"<JobOrder><ID>1</ID>{outer}</JobOrder>".encode())
    assert not isinstance(asked, Answered)
    assert asked.asset == "A/B"


def test_schemas_that_are_not_there_are_told(order, tmp_path):
    with pytest.raises(ConfigError, match=r"lxml|B2MML-WorkSchedule\.xsd"):
        write_b2mml(order, "job-order", str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "<JobOrder><ID>1</ID></JobOrder>",
        "<JobResponse><JobState>Completed</JobState></JobResponse>",
        "<JobResponse><JobOrderID>WO-1</JobOrderID><JobState>Exploded</JobState></JobResponse>",
        "<Nothing/>",
        "<JobOrder>",
        '<!DOCTYPE a [<!ENTITY x "y">]><JobOrder><ID>&x;</ID></JobOrder>',
        "<a>" * 100 + "</a>" * 100,
    ],
)
def test_what_cannot_be_taken_is_refused(text):
    with pytest.raises(InvalidInput):
        read_b2mml(text.encode())
