"""Work orders as B2MML 7 (ISA-95): WorkRequest, JobOrder and JobResponse out; requests, orders and responses in.

Elements stand in the order of MESA's schemas. With a folder of those schemas and lxml installed, what goes out and what comes in
is validated. B2MML is used courtesy of MESA International.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree as ET

from lineshaft.core import ConfigError, InvalidInput, iso, parse_time
from lineshaft.production import B2mmlNode, parse_b2mml

SPACE = "http://www.mesa.org/xml/B2MML"
MOST_BYTES = 5_000_000
Form = Literal["work-request", "job-order", "job-response"]
STATUS = {
    "requested": "Pending", "triaged": "Pending", "planned": "Ready", "waiting": "Waiting", "assigned": "Dispatched",
    "in_progress": "Running", "on_hold": "Held", "done": "Completed", "verified": "Completed", "closed": "Closed",
    "cancelled": "Cancelled", "rejected": "Cancelled",
}  # fmt: skip
JOB = {"Held": "Paused", "Cancelled": "Aborted", "Closed": "Completed", "Running": "Running", "Completed": "Completed"}
THERE = {
    "Running": "in_progress", "Paused": "on_hold", "Holding": "on_hold", "Held": "on_hold", "Completed": "done",
    "Closed": "done", "Aborted": "cancelled", "Cancelled": "cancelled",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A work order another system asks for."""

    line: int
    external: str
    asset: str
    title: str
    priority: int
    due: int | None


@dataclass(frozen=True, slots=True)
class Answered:
    """How a job stands in another system: the number of the order (ours, or theirs if they asked for it), our word for it."""

    line: int
    order: str
    state: str
    said: str


def write(order: Mapping[str, Any], form: Form, schemas: str = "") -> bytes:
    """Return a work order as B2MML. Raises InvalidInput if it were not valid, where schemas are given."""
    root = {"work-request": _request, "job-order": _job, "job-response": _response}[form](order)
    root.set("xmlns", SPACE)
    ET.indent(root)
    content = ET.tostring(root, "utf-8", xml_declaration=True)
    validate(content, schemas)
    return content


def read(content: bytes, schemas: str = "") -> list[Asked | Answered]:
    """Return what a file asks for and answers. Raises InvalidInput with the line for what is not well formed or not valid."""
    if len(content) > MOST_BYTES:
        raise InvalidInput(f"the file is larger than {MOST_BYTES} bytes", code="import.size")
    root = parse_b2mml(content)
    validate(content, schemas)
    found: list[Asked | Answered] = [*_asked(root), *(_answer(node) for node in root.walk() if node.name == "JobResponse")]
    if not found:
        hint = "send WorkRequest, JobOrder, JobList or JobResponse"
        raise InvalidInput(f"<{root.name}> asks for nothing and answers nothing", where="line 1", hint=hint, code="import.b2mml")
    return found


def validate(content: bytes, schemas: str) -> None:
    """Validate against MESA's schemas, if a folder of them is given. Raises InvalidInput with the line of what is wrong."""
    if not schemas:
        return
    try:
        etree: Any = importlib.import_module("lxml.etree")
    except ImportError:
        raise ConfigError(
            "b2mml_schemas is set, but lxml is not installed", where="[maintain]", hint="pip install lxml"
        ) from None
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    answers = "Response" in root.tag or "Performance" in root.tag
    file = Path(schemas) / f"B2MML-Work{'Performance' if answers else 'Schedule'}.xsd"
    if not file.is_file():
        raise ConfigError(f"{schemas} holds no {file.name}", where="[maintain] b2mml_schemas", hint="put MESA's schemas there")
    schema = etree.XMLSchema(etree.parse(str(file)))
    if not schema.validate(root):
        first = schema.error_log[0]
        raise InvalidInput(f"not valid B2MML: {first.message}", where=f"line {first.line}", code="import.b2mml")


def _request(order: Mapping[str, Any]) -> ET.Element:
    root = ET.Element("WorkRequest")
    _put(root, "ID", order["number"])
    _put(root, "Description", order["title"])
    root.append(_place(str(order["asset"])))
    _times(root, order["created"], order["due"])
    _put(root, "Priority", order["priority"])
    root.append(_job(order))
    return root


def _job(order: Mapping[str, Any]) -> ET.Element:
    root = ET.Element("JobOrder")
    _put(root, "ID", order["number"])
    _put(root, "Description", order["title"])
    _times(root, order["created"], order["due"])
    root.append(_place(str(order["asset"])))
    _put(root, "WorkType", "Maintenance")
    if order.get("instruction"):
        _put(root, "WorkMasterID", order["instruction"])
        _put(root, "WorkMasterVersion", order["instruction_number"])
    _put(root, "Priority", order["priority"])
    _put(root, "DispatchStatus", STATUS[order["state"]])
    for name in ("kind", "failure_mode", "score"):
        if order.get(name) not in (None, ""):
            parameter = ET.SubElement(root, "JobOrderParameter")
            _put(parameter, "ID", name)
            _put(ET.SubElement(parameter, "Value"), "ValueString", order[name])
    _put(_numbered(root, "EquipmentRequirement", 1), "EquipmentID", order["asset"])
    for at, part in enumerate(order["reserved"], 1):
        material = _numbered(root, "MaterialRequirement", at)
        _put(material, "MaterialDefinitionID", part["part"])
        _put(material, "Description", part["name"])
        _put(material, "MaterialUse", "Consumed")
        _put(ET.SubElement(material, "Quantity"), "QuantityString", f"{part['quantity']:g}")
    return root


def _response(order: Mapping[str, Any]) -> ET.Element:
    root = ET.Element("JobResponse")
    _put(root, "ID", f"{order['number']}-R")
    _put(root, "Description", order["title"])
    _times(root, order["started"], order["done"])
    root.append(_place(str(order["asset"])))
    _put(root, "WorkType", "Maintenance")
    _put(root, "JobOrderID", order["number"])
    _put(root, "JobState", JOB.get(STATUS[order["state"]], "Ready"))
    for name, value in order["closing"].items():
        data = ET.SubElement(root, "JobResponseData")
        _put(data, "ID", name)
        _put(ET.SubElement(data, "Value"), "ValueString", value)
    if order.get("assigned_to"):
        _put(_numbered(root, "PersonnelActual", 1), "PersonID", order["assigned_to"])
    _put(_numbered(root, "EquipmentActual", 1), "EquipmentID", order["asset"])
    for at, part in enumerate(order["reserved"], 1):
        if part["issued"]:
            material = _numbered(root, "MaterialActual", at)
            _put(material, "MaterialDefinitionID", part["part"])
            _put(material, "MaterialUse", "Consumed")
            _put(ET.SubElement(material, "Quantity"), "QuantityString", f"{part['issued']:g}")
    return root


def _place(path: str, name: str = "HierarchyScope") -> ET.Element:
    """Return an asset's path as nested scopes, the plant outermost."""
    head, _, rest = path.partition("/")
    scope = ET.Element(name)
    _put(scope, "EquipmentID", head)
    _put(scope, "EquipmentLevel", "Other")
    if rest:
        scope.append(_place(rest, "HierarchyScopeChild"))
    return scope


def _times(root: ET.Element, start: int | None, end: int | None) -> None:
    for name, at in (("StartTime", start), ("EndTime", end)):
        if at is not None:
            _put(root, name, iso(at))


def _numbered(parent: ET.Element, name: str, at: int) -> ET.Element:
    """Return a new requirement or actual; each has a number of its own within the job."""
    made = ET.SubElement(parent, name)
    _put(made, "ID", at)
    return made


def _put(parent: ET.Element, name: str, value: object) -> None:
    ET.SubElement(parent, name).text = "".join(char for char in str(value) if char >= " " or char in "\t\n")


def _asked(node: B2mmlNode) -> Iterator[Asked]:
    """Yield the orders of a file; a request that holds jobs asks for those, not for itself."""
    jobs = [child for child in node.children if child.name in ("WorkRequest", "JobOrder")]
    if node.name in ("WorkRequest", "JobOrder") and not jobs:
        yield _order(node)
    for child in node.children:
        yield from _asked(child)


def _order(node: B2mmlNode) -> Asked:
    external = node.say("ID")
    asset = node.say("EquipmentRequirement", "EquipmentID") or "/".join(_path(node))
    if not external or not asset:
        missing = "ID" if not external else "HierarchyScope or EquipmentRequirement"
        raise InvalidInput(f"<{node.name}> has no {missing}", where=f"line {node.line}", code="import.b2mml")
    said = node.say("Priority")
    priority = min(5, max(1, int(float(said)))) if said.replace(".", "", 1).isdigit() else 3
    end = node.say("EndTime")
    title = node.say("Description") or external
    return Asked(node.line, external[:80], asset, title[:300], priority, parse_time(end) if end else None)


def _path(node: B2mmlNode) -> Iterator[str]:
    scope = next(node.all("HierarchyScope"), None) or next(
        node.all("HierarchyScopeChild"), None
    )  # before version 7 both had one name
    if scope is not None:
        yield scope.say("EquipmentID")
        yield from _path(scope)


def _answer(node: B2mmlNode) -> Answered:
    number, said = node.say("JobOrderID"), node.say("JobState")
    if not number or said not in {*THERE, "Ready", "Other", ""}:
        what = f"'{said}' is no JobState" if number else "<JobResponse> has no JobOrderID"
        raise InvalidInput(what, where=f"line {node.line}", code="import.b2mml")
    return Answered(node.line, number, THERE.get(said, "open"), node.say("Description"))
