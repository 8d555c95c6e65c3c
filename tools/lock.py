"""Renew the hashed locks: requirements/*.txt and tests/counterparts/python/*.txt by uv, package-lock.json by npm.

None names a registry host.

python -m tools.lock                what pyproject.toml newly asks for; pins that still fit stay
python -m tools.lock --upgrade      everything to the newest release that fits
"""

from __future__ import annotations

import sys

from tools import bootstrap

COMMON = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header", "--quiet")
LOCKS = {
    "run": ("pyproject.toml",),
    "dev": ("pyproject.toml", "--extra", "postgres", "--group", "dev", "--constraint", "requirements/run.txt"),
    "tools": ("requirements/tools.in", "--constraint", "requirements/dev.txt"),
    "node": ("requirements/node.in",),
}
NPM_FOLDERS = ("web", "tests/counterparts", "bench/nodered")


def main(words: list[str]) -> None:
    """Renew every lock, each from the one before."""
    more = ("--upgrade",) if "--upgrade" in words else ()
    for name, sources in LOCKS.items():
        bootstrap.say(f"requirements/{name}.txt")
        bootstrap.run(bootstrap.UV, "pip", "compile", *sources, *COMMON, *more, "--output-file", f"requirements/{name}.txt")
    for source in sorted((bootstrap.ROOT / "tests" / "counterparts" / "python").glob("*.in")):
        asked = (source.relative_to(bootstrap.ROOT), *COMMON, *more, "--output-file", source.with_suffix(".txt"))
        bootstrap.say(str(source.with_suffix(".txt").relative_to(bootstrap.ROOT)))
        bootstrap.run(bootstrap.UV, "pip", "compile", *asked)
    for folder in NPM_FOLDERS:
        if (bootstrap.ROOT / folder / "package.json").exists():
            bootstrap.say(f"{folder}/package-lock.json")
            bootstrap.npm("install", "--package-lock-only", "--no-fund", "--no-audit", folder=bootstrap.ROOT / folder)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except bootstrap.Stuck as stuck:
        sys.exit(f"lock: {stuck}")
