"""Docs cannot rot: settings, commands, plugins and dependencies are in the reference, every link leads somewhere."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
import textwrap
import tomllib
from pathlib import Path

import click
import pytest

from lineshaft.core import load
from tools import docs

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
ROOMS = ["guard", "connect", "assets", "production", "store", "compute", "detect", "maintain", "act", "twin", "doors"]
IMPORTED_AS = {
    "pillow": "PIL",
    "argon2-cffi": "argon2",
    "pydantic-ai-slim": "pydantic_ai",
    "python-snap7": "snap7",
    "protobuf": "google",
    "pyjwt": "jwt",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "python-multipart": "multipart",
}
PART_OF = {
    "dask": "distributed",
    "joblib": "scikit-learn",
    "mcp_types": "mcp",
    "pydantic_core": "pydantic",
    "starlette": "fastapi",
}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", word)[0].lower() for word in requirements}


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_generated_page_is_what_the_code_says(name: str):
    assert (docs.REFERENCE / name).read_text(encoding="utf-8") == docs.page(name), "run `make docs`"


def test_every_room_is_explained():
    assert [room for room in ROOMS if not (DOCS / "explanation" / f"{room}.md").exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:|#", target)]
    assert [target for target in targets if not (page.parent / target.split("#")[0]).exists()] == []


def test_every_dependency_has_a_reason_and_a_licence():
    described = project()
    wanted = names(described["project"]["dependencies"]) | names(described["dependency-groups"]["dev"])
    wanted |= {name for extra in described["project"]["optional-dependencies"].values() for name in names(extra)}
    for folder in ("web", "tests/counterparts"):
        package = json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))
        wanted |= {*package.get("dependencies", {}), *package.get("devDependencies", {})}
    for file in ("tools.in", "node.in"):
        wanted |= names(re.findall(r"^[a-z].*", (ROOT / "requirements" / file).read_text(encoding="utf-8"), re.MULTILINE))
    rows = re.findall(
        r"^\| (\S+) \| ([^|]+) \| ([^|]{5,}) \|$", (DOCS / "reference" / "dependencies.md").read_text("utf-8"), re.MULTILINE
    )
    assert {name.lower() for name, _, _ in rows if name != "package"} == wanted
    assert [name for name, licence, _ in rows if re.match(r"A?GPL", licence)] == []


def test_what_is_imported_is_declared():
    described = project()["project"]
    declared = names(described["dependencies"])
    declared |= {name for extra in described["optional-dependencies"].values() for name in names(extra)}
    known = {part for part, whole in PART_OF.items() if whole in declared}
    known |= {IMPORTED_AS.get(name, name) for name in declared} | {"lineshaft"} | set(sys.stdlib_module_names)
    strays: set[str] = set()
    for path in (ROOT / "src" / "lineshaft").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.append(node.module)
            strays |= {f"{path.name}: {module}" for module in modules if module.split(".")[0] not in known}
    assert strays == set()


def test_decisions_are_numbered_and_listed():
    pages = sorted(path.name for path in (DOCS / "decisions").glob("0*.md"))
    assert [name[:4] for name in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    listed = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [name for name in pages if f"({name})" not in listed] == []


def test_generated_pages_name_everything():
    settings = (docs.REFERENCE / "settings.md").read_text(encoding="utf-8")
    app = __import__("lineshaft.app", fromlist=["SECTIONS"])
    for section, model in app.SECTIONS.items():
        assert f"[{section}]" in settings
        assert [name for name in model.model_fields if name != "entries" and f"`{name}`" not in settings] == []


def blocks(language: str) -> list[tuple[str, str]]:
    """Return every code block of a language, with the page it is on."""
    pattern = re.compile(rf"^( *)```{language}\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
    found = [
        (page.relative_to(ROOT).as_posix(), text)
        for page in PAGES
        for _, text in pattern.findall(page.read_text(encoding="utf-8"))
    ]
    return [(page, textwrap.dedent(text)) for page, text in found]


@pytest.mark.parametrize(("page", "text"), blocks("toml"))
def test_settings_shown_in_the_docs_can_be_read(page: str, text: str, tmp_path: Path):
    app = __import__("lineshaft.app", fromlist=["SECTIONS"])
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    sections = load(tmp_path / "settings.toml", app.SECTIONS)
    for section in ("sources", "feeds"):
        for entry in getattr(sections.get(section), "entries", ()):
            entry.build(where=page)


def test_commands_shown_in_the_docs_exist():
    root = __import__("lineshaft.cli", fromlist=["root"]).root
    for page, text in blocks("sh"):
        for line in re.findall(r"^lineshaft ([a-z].*?)(?: +#.*)?$", text, re.MULTILINE):
            command, words = root, shlex.split(line)
            while words and isinstance(command, click.Group) and not words[0].startswith("-"):
                name = words.pop(0)
                command = command.get_command(click.Context(command), name)
                assert command is not None, f"{page}: there is no command 'lineshaft {line}'"
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            assert [word for word in words if word.startswith("--") and word not in known] == [], f"{page}: lineshaft {line}"
