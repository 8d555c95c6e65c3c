"""Whether another machine has what this node has: what is learned there must be what would have been learned here."""

from __future__ import annotations

from collections.abc import Mapping

SAME = ("lineshaft", "distributed")
EXTRAS = ("lightgbm",)
PACKAGES = (*SAME, *EXTRAS)
Packages = Mapping[str, str | None]


def differs(here: Packages, there: Packages, extras: tuple[str, ...] = EXTRAS) -> str:
    """Say in which way `there` is not like `here`, both versions by package; empty if it is."""
    ours, theirs = _python(here), _python(there)
    said = [] if ours == theirs else [f"has Python {theirs}, this node {ours}"]
    for name in SAME:
        if not there.get(name):
            said.append(f"has no {name}")
        elif there[name] != here.get(name):
            said.append(f"has {name} {there[name]}, this node {here.get(name)}")
    odd = [name for name in extras if bool(there.get(name)) != bool(here.get(name))]
    said += [f"has {name}, which this node lacks" if there.get(name) else f"lacks {name}, which this node has" for name in odd]
    return " and ".join(said)


def _python(packages: Packages) -> str:
    return ".".join((packages.get("python") or "?").split(".")[:2])
