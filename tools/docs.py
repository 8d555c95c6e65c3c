"""Write docs/reference/{settings,commands,plugins,rest}.md from the code itself; `--check` is red when they would change.

python -m tools.docs            write
python -m tools.docs --check    compare (part of `make lint`)
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from unittest.mock import MagicMock

import click
from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
HEAD = "<!-- Written by `make docs` from the code: change it there. -->\n"
PLURALS = {
    "lineshaft.connect.sources": "Sources: protocols machines speak",
    "lineshaft.connect.writers": "Writers: the one way back to a machine",
    "lineshaft.connect.simulators": "Simulators: machines that do not exist, behind real servers",
    "lineshaft.assets.importers": "Importers: descriptions of a plant from elsewhere",
    "lineshaft.production.feeds": "Feeds: what is being made, from elsewhere",
    "lineshaft.detect.detectors": "Detectors: notice the unusual",
    "lineshaft.maintain.erps": "ERPs: where approved purchases go",
    "lineshaft.act.agents": "Agents: who proposes",
}


def cell(text: str) -> str:
    """Return text as it can stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def first_line(thing: object) -> str:
    """Return the first sentence of a docstring."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def kind(annotation: object) -> str:
    """Return a type as people read it."""
    if isinstance(annotation, type) and not getattr(annotation, "__args__", None):
        return annotation.__name__
    text = re.sub(r"\b(?:typing|lineshaft)\.(?:\w+\.)*", "", str(annotation)).replace("NoneType", "None")
    text = re.sub(r"Annotated\[(\w+), \w+\(func=<[^>]*>\)\]", r"\1", text)
    return re.sub(r"^Optional\[(.*)\]$", r"\1 | None", text)


def fields(model: type[BaseModel]) -> Iterator[str]:
    """Yield the table of a model's fields, and a table for every model inside it."""
    yield "| name | type | default | meaning |"
    yield "|---|---|---|---|"
    inner: list[type[BaseModel]] = []
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"`{field.get_default(call_default_factory=True)!r}`"
        yield f"| `{name}` | {cell(kind(field.annotation))} | {cell(default)} | {cell(field.description or '')} |"
        kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
        inner += [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
    for one in inner:
        yield from ("", f"Each `{one.__name__}`: {first_line(one)}", "", *fields(one))


def settings() -> Iterator[str]:
    """Yield the page of all settings, one section of the TOML file after the other."""
    sections = cast("Mapping[str, type[BaseModel]]", importlib.import_module("lineshaft.app").SECTIONS)
    yield "# Settings"
    yield ""
    yield "One commented TOML file, `HOME/settings.toml`; `lineshaft sample config` prints it with every default. Durations read"
    yield "`200ms`, `90s`, `5m`, `1h30m`, `1d`. An unknown name is an error that names the nearest known one."
    for name, model in sections.items():
        if list(model.model_fields) == ["entries"]:  # an array of tables
            entry = getattr(model.model_fields["entries"].annotation, "__args__", (model,))[0]
            more = "", "And the options of the plugin named by `type`: [plugins](plugins.md)."
            yield from ("", f"## [[{name}]]", "", first_line(model), "", *fields(entry), *more)
        else:
            yield from ("", f"## [{name}]", "", first_line(model), "", *fields(model))


def options(command: click.Command) -> Iterator[str]:
    """Yield the arguments and options of a command, one a line."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            value = "" if parameter.is_flag else f" {parameter.make_metavar(click.Context(command))}"
            default = parameter.default if isinstance(parameter.default, str | int | float) and not parameter.is_flag else None
            yield f"- `{', '.join(parameter.opts)}{value}`: {parameter.help or ''}" + (
                f" Default `{default}`." if default else ""
            )
        else:
            yield f"- `{parameter.human_readable_name.upper()}`: argument"


def command_pages(command: click.Command, path: str) -> Iterator[str]:
    """Yield a command's section, then those of its subcommands."""
    yield from ("", f"{'#' * min(4, path.count(' ') + 1)} {path}", "", cell(inspect.cleandoc(command.help or "")))
    listed = list(options(command))
    if listed:
        yield from ("", *listed)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from command_pages(found, f"{path} {name}")


def commands() -> Iterator[str]:
    """Yield the page of the command line."""
    yield "# Commands"
    yield ""
    yield "Every command takes `--help`. `LINESHAFT_HOME` names the data folder wherever `--home` is an option."
    root = cast("click.Group", importlib.import_module("lineshaft.cli").root)
    context = click.Context(root)
    for name in root.list_commands(context):
        found = root.get_command(context, name)
        if found is not None:
            yield from command_pages(found, f"lineshaft {name}")


def plugins() -> Iterator[str]:
    """Yield the page of all plugins that come with the product."""
    yield "# Plugins"
    yield ""
    yield "A plugin is one file (or folder) with a `PLUGIN`; others bring their own through the entry points named here."
    yield "Plugins do not know each other, and a plugin that cannot be imported stops nothing else."
    for folder, title in PLURALS.items():
        if importlib.util.find_spec(folder) is None:
            continue
        package = importlib.import_module(folder)
        names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_"))
        if not names:
            continue
        yield from ("", f"## {title}", "", f"Entry point group `lineshaft.{folder.rsplit('.', 1)[1]}`.")
        for name in names:
            yield from plugin(f"{folder}.{name}", name)


def plugin(module_name: str, name: str) -> Iterator[str]:
    """Yield what one plugin is, and its options."""
    module = importlib.import_module(module_name)
    found: Any = getattr(module, "PLUGIN", module)
    yield from ("", f"### {name}", "", first_line(module))
    model = getattr(found, "Options", None)
    if isinstance(model, type) and issubclass(model, BaseModel) and model.model_fields:
        yield from ("", *fields(model))


def rest() -> Iterator[str]:
    """Yield the page of the REST door, from its own OpenAPI document."""
    build = importlib.import_module("lineshaft.doors.rest").build
    document = build(MagicMock(version="")).openapi()  # routes ask rooms only when they are called
    yield "# REST"
    yield ""
    yield "Bearer token in `Authorization`; times are ISO 8601 with a zone or epoch nanoseconds; lists answer `items` and `next`;"
    yield "errors are RFC 9457 with `code`, `where` and `hint`; commands take `Idempotency-Key`. A running node describes every"
    yield "field, with examples, at `/api/openapi.json`."
    rooms: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            row = (
                f"| {method.upper()} | `{path}` | {cell(str(told.get('description') or told['summary']).split(chr(10) * 2)[0])} |"
            )
            rooms.setdefault(next(iter(told.get("tags", [])), "other"), []).append(row)
    for room, rows in rooms.items():
        yield from ("", f"## {room}", "", "| method | path | what it does |", "|---|---|---|", *rows)


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "settings.md": settings,
    "commands.md": commands,
    "plugins.md": plugins,
    "rest.md": rest,
}


def page(name: str) -> str:
    """Return a generated page."""
    return HEAD + "\n" + "\n".join(line.rstrip() for line in PAGES[name]()) + "\n"


def main(check: bool) -> int:
    """Write or compare every page; what cannot be generated is told."""
    wrong = 0
    for name in PAGES:
        path = REFERENCE / name
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        try:
            now = page(name)
        except Exception as error:  # noqa: BLE001 - whatever a room raises at import is told, and the other pages are written
            print(f"docs: {path.relative_to(ROOT)} cannot be written: {error}", file=sys.stderr)
            wrong += 1
            continue
        if check and now != there:
            wrong += 1
            print(f"docs: {path.relative_to(ROOT)} is not up to date: run `make docs`", file=sys.stderr)
            sys.stderr.writelines(list(difflib.unified_diff(there.splitlines(True), now.splitlines(True), n=0))[:20])
        elif now != there:
            path.write_text(now, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
