"""B2MML files (ISA-95): operations schedules become orders and lots, material lots become lots.

The parser refuses document types and entities, depth and size beyond limits. With a folder of the MESA schemas and lxml
installed, every file is validated first. B2MML is used courtesy of MESA International.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from pydantic import Field, ValidationError

from lineshaft.core import ConfigError, InvalidInput, Problem, Section
from lineshaft.production.feed import FeedDraft, Pulled, pull_folder
from lineshaft.production.mapping import moment, wrong
from lineshaft.production.written import LotEntry, OrderEntry

MOST_BYTES, MOST_DEPTH = 20_000_000, 64
SCHEDULES = frozenset({"OperationsSchedule", "ProductionSchedule"})
REQUESTS = frozenset({"OperationsRequest", "ProductionRequest"})


class B2mmlOptions(Section):
    """Where B2MML files lie, and whether they are validated."""

    folder: str = Field("", description="Folder the other system puts its files in; each is read again when it changes.")
    files: str = Field("*.xml", description="Patterns of the files' names, separated by blanks.")
    timezone: str = Field("UTC", description="Zone of times that carry none.")
    schemas: str = Field(
        "",
        description="Folder with the MESA B2MML schemas (XSD); every file is validated then, for which lxml must be installed.",
    )
    most_bytes: int = Field(MOST_BYTES, ge=1_000, description="Largest file that is read.")


@dataclass
class Node:
    """An element: its name without namespace, its line in the file, its text, its children."""

    name: str
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list["Node"])

    def all(self, name: str) -> Iterator[Node]:
        """Return the children of a name."""
        return (child for child in self.children if child.name == name)

    def say(self, *path: str) -> str:
        """Return the text at a path of names, empty where it leads nowhere."""
        here: Node | None = self
        for name in path:
            here = None if here is None else next(here.all(name), None)
        return "" if here is None else here.text.strip()

    def walk(self) -> Iterator[Node]:
        """Return this element and all inside it."""
        yield self
        for child in self.children:
            yield from child.walk()


class B2mmlFeed:
    """Reads B2MML files."""

    Options = B2mmlOptions

    def __init__(self, name: str = "b2mml", options: B2mmlOptions | None = None) -> None:
        self.name, self.options = name, options or B2mmlOptions.model_validate({})

    def pull(self, mark: str) -> Pulled:
        """Read the files that are new or changed."""
        if not self.options.folder:
            raise ConfigError("no folder is given", where=self.name, hint="set folder in this [[feeds]] table")
        return pull_folder(Path(self.options.folder), self.options.files, mark, self.read)

    def read(self, path: Path) -> FeedDraft:
        """Read one file; one that is not well formed, not valid or too large is a problem of the draft."""
        draft = FeedDraft()
        try:
            data = self._bytes(path)
            root = parse(data)
            self._validate(root, data)
        except (InvalidInput, OSError) as error:
            what, hint = (error.what, error.hint) if isinstance(error, InvalidInput) else (str(error), "")
            line = error.where if isinstance(error, InvalidInput) else ""
            draft.problems.append(Problem(f"{path.name}:{line}" if line else path.name, what, hint))
            return draft
        known = [node for node in root.walk() if node.name in SCHEDULES | {"MaterialLot"}]
        if not known:
            what = f"<{root.name}> holds no operations schedule and no material lot"
            draft.problems.append(Problem(f"{path.name}:{root.line}", what, "send OperationsSchedule or MaterialLot"))
        for node in known:
            if node.name == "MaterialLot":
                self._lot(path.name, node, draft)
            else:
                self._schedule(path.name, node, draft)
        return draft

    def _bytes(self, path: Path) -> bytes:
        if path.stat().st_size > self.options.most_bytes:
            raise InvalidInput(f"it is larger than {self.options.most_bytes} bytes", hint="send it in parts")
        return path.read_bytes()

    def _schedule(self, file: str, schedule: Node, draft: FeedDraft) -> None:
        for request in schedule.children:
            if request.name in REQUESTS and request.say("OperationsType") in ("", "Production"):
                self._request(file, request, draft)

    def _request(self, file: str, request: Node, draft: FeedDraft) -> None:
        """Take a request as an order: a line for everything it produces, a lot where one is named."""
        where, number = f"{file}:{request.line}", request.say("ID")
        lines: list[dict[str, Any]] = []
        lots: list[tuple[str, dict[str, Any]]] = []
        for segment in request.all("SegmentRequirement"):
            wanted = [*segment.all("MaterialRequirement")]
            wanted += [*segment.all("MaterialProducedRequirement"), *segment.all("MaterialConsumedRequirement")]
            due = next(
                (text for text in (segment.say("LatestEndTime"), segment.say("EndTime"), request.say("EndTime")) if text), ""
            )
            used = [lot for one in wanted if _use(one) == "Consumed" for lot in _texts(one, "MaterialLotID")]
            for one in wanted:
                if _use(one) == "Produced":
                    made = _amount(one)
                    product = one.say("MaterialDefinitionID")
                    lines.append(_filled(product=product, quantity=made[0], due=due and moment(due, self.options.timezone)))
                    lots += [
                        (f"{file}:{one.line}", _filled(lot=lot, product=product, unit=made[1], order=number, parents=used))
                        for lot in _texts(one, "MaterialLotID")
                    ]
        try:
            draft.orders.append((where, OrderEntry.model_validate(_filled(order=number, lines=lines))))
        except ValidationError as error:
            draft.problems += wrong(where, error)
            return
        for place, values in lots:
            _lot_entry(place, values, draft)

    def _lot(self, file: str, node: Node, draft: FeedDraft) -> None:
        """Take a material lot with what it was assembled from."""
        amount, unit = _amount(node)
        material = node.say("Description") or node.say("MaterialDefinitionID")
        parents = _texts(node, "AssemblyLotID")
        values = _filled(lot=node.say("ID"), material=material, quantity=amount, unit=unit, parents=parents)
        _lot_entry(f"{file}:{node.line}", values, draft)

    def _validate(self, root: Node, data: bytes) -> None:
        """Validate a file against the MESA schemas, if a folder with them is configured. Raises InvalidInput with the line."""
        if not self.options.schemas:
            return
        try:
            etree: Any = importlib.import_module("lxml.etree")
        except ImportError:
            raise ConfigError("schemas is set, but lxml is not installed", where=self.name, hint="pip install lxml") from None
        folder = Path(self.options.schemas)
        files = [folder / f"B2MML-{root.name}.xsd", folder / "AllSchemas.xsd", folder / "B2MML-AllSchemas.xsd"]
        file = next((one for one in files if one.is_file()), None)
        if file is None:
            hint = "put the XSD files of MESA's B2MML release there"
            raise ConfigError(f"{folder} holds no {files[0].name} and no AllSchemas.xsd", where=self.name, hint=hint)
        safe = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        schema = etree.XMLSchema(etree.parse(str(file), etree.XMLParser(no_network=True)))
        if not schema.validate(etree.fromstring(data, safe)):
            first = schema.error_log[0]
            raise InvalidInput(f"not valid B2MML: {first.message}", where=str(first.line), hint=f"validated by {file.name}")


def parse(data: bytes) -> Node:
    """Read XML with the line of every element. Raises InvalidInput for anything but plain, bounded elements."""
    parser = expat.ParserCreate(namespace_separator="}")
    top = Node("", 0)
    path = [top]

    def begin(name: str, _attributes: object) -> None:
        if len(path) > MOST_DEPTH:
            raise InvalidInput(f"elements lie more than {MOST_DEPTH} deep", where=str(parser.CurrentLineNumber))
        node = Node(name.rpartition("}")[2], parser.CurrentLineNumber)
        path[-1].children.append(node)
        path.append(node)

    def text(part: str) -> None:
        path[-1].text += part

    def end(_name: str) -> None:
        path.pop()

    def refuse(*_: object) -> None:
        hint = "B2MML needs none; they can hide entities that grow without end"
        raise InvalidInput("it declares a document type", where=str(parser.CurrentLineNumber), hint=hint, code="b2mml.doctype")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InvalidInput(f"this is not well-formed XML: {expat.ErrorString(error.code)}", where=str(error.lineno)) from None
    return top.children[0]


def _use(node: Node) -> str:
    """Return Produced or Consumed; in older versions the element's name says it."""
    for word in ("Produced", "Consumed"):
        if node.name.startswith(f"Material{word}"):
            return word
    return node.say("MaterialUse")


def _texts(node: Node, name: str) -> list[str]:
    return [child.text.strip() for child in node.all(name) if child.text.strip()]


def _amount(node: Node) -> tuple[float | str | None, str]:
    """Return quantity and unit; a quantity that is no number passes, to be refused with its reason."""
    for quantity in node.all("Quantity"):
        text = quantity.say("QuantityString")
        try:
            return (float(text) if text else None), quantity.say("UnitOfMeasure")
        except ValueError:
            return text, quantity.say("UnitOfMeasure")
    return None, ""


def _filled(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _lot_entry(where: str, values: dict[str, Any], draft: FeedDraft) -> None:
    try:
        draft.lots.append((where, LotEntry.model_validate(values)))
    except ValidationError as error:
        draft.problems += wrong(where, error)


PLUGIN = B2mmlFeed
