"""What is committed: locks that name no host, languages with the same keys, changelog fragments that can be gathered."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted([*(ROOT / "requirements").glob("*.txt"), *(ROOT / "tests" / "counterparts" / "python").glob("*.txt")])
PACKAGE_LOCKS = [ROOT / folder / "package-lock.json" for folder in ("web", "tests/counterparts", "bench/nodered")]
HOSTS = [name.replace("-", ".") for name in ("pypi-org", "pythonhosted-org", "npmjs-org", "npmjs-com", "deb-debian-org")]
FRAGMENT = re.compile(r"^[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md$")


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def configured_hosts() -> list[str]:
    """Return the registry hosts this machine is set up with: they too stay out of commits."""
    urls = [value for name, value in os.environ.items() if re.match(r"(PIP|UV|NPM_CONFIG)_.*(INDEX|REGISTRY)", name.upper())]
    return [match[1] for url in urls if (match := re.match(r"https?://(?:[^@/]*@)?([^/:]+)", url))]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_is_hashed_and_names_no_host(lock: Path):
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"://|^--|@ file", text, re.MULTILINE)
    pinned = re.findall(r"^[a-z0-9][^ ]*==[^ ]+.*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[A-Za-z0-9]", text, re.MULTILINE)) > 0


@pytest.mark.parametrize("lock", PACKAGE_LOCKS, ids=lambda path: path.parent.name)
def test_a_package_lock_is_hashed_and_names_no_host(lock: Path):
    packages = {name: entry for name, entry in json.loads(lock.read_text(encoding="utf-8"))["packages"].items() if name}
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [
        name for name, entry in packages.items() if not any(entry.get(word) for word in ("integrity", "link", "inBundle"))
    ] == []


def test_the_locks_hold_what_the_project_asks_for():
    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[\[<>=~! ]", word)[0].lower().replace("_", "-") for word in requirements}

    def locked(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements" / name).read_text(encoding="utf-8"), re.MULTILINE))

    described = project()
    run = names(described["project"]["dependencies"])
    assert run - locked("run.txt") == set(), "run `make lock`"
    assert (run | names(described["dependency-groups"]["dev"])) - locked("dev.txt") == set(), "run `make lock`"


def test_no_tracked_file_names_a_registry_host():
    forbidden = re.compile("|".join(re.escape(host) for host in {*HOSTS, *configured_hosts()}).encode())
    assert [path.relative_to(ROOT).as_posix() for path in tracked() if forbidden.search(path.read_bytes())] == []


def test_no_build_result_is_tracked():
    built = ("src/lineshaft/see/static/", "node_modules/", "dist/", ".min.js")
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    assert [name for name in names if any(word in name for word in built)] == []


def test_changelog_fragments_can_be_gathered():
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    assert [path.name for path in fragments if not FRAGMENT.match(path.name)] == []
    assert [path.name for path in fragments if not path.read_text(encoding="utf-8").strip()] == []


def said(language: str) -> dict[str, str]:
    """Return every sentence of a language by its dotted key."""

    def flat(tree: dict, prefix: str) -> dict[str, str]:
        pairs: dict[str, str] = {}
        for key, value in tree.items():
            pairs |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: str(value)}
        return pairs

    return flat(json.loads((ROOT / "web" / "src" / "locales" / f"{language}.json").read_text(encoding="utf-8")), "")


def test_both_languages_say_the_same_things():
    en, de = said("en"), said("de")
    assert set(en) ^ set(de) == set()
    assert [key for key in en if not (en[key].strip() and de[key].strip())] == []


def test_both_languages_fill_the_same_blanks():
    en, de = said("en"), said("de")
    blanks = re.compile(r"\{\{\s*([\w.]+)")
    assert [key for key in set(en) & set(de) if sorted(blanks.findall(en[key])) != sorted(blanks.findall(de[key]))] == []
