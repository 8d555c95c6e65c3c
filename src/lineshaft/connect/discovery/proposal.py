"""What could be made of a system: a `[[sources]]` table that can be used as it stands, and models of the machines inside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def source_text(system: Row) -> str:
    """Return a ready [[sources]] table for a system; empty where a source hears it already."""
    facts: Row = system["facts"]
    address = str(system["address"]).partition(" ")[0]
    host, _, port = address.rpartition(":")
    head = ["[[sources]]", f"name = {_text(source_name(system))}"]
    if system["protocol"] == "opcua":
        lines = ['type = "opcua"', f"url = {_text(facts['url'])}", f"security = {_text(facts['security'])}", "browse = true"]
    elif system["protocol"] == "modbus":
        lines = ['type = "modbus"', f"url = {_text(f'tcp://{address}')}", f"unit = {facts['unit']}"]
        lines += ["# its registers are in the maker's manual; this one only proves the line", "[[sources.tags]]"]
        lines += ['name = "Register 0"', 'at = "holding:0"']
    elif system["protocol"] == "ethernet_ip":
        lines = ['type = "ethernet_ip"', f"host = {_text(host)}", f"port = {port}"]
        lines += ["# tags by the names they have in Logix; put yours here", "[[sources.tags]]", 'at = "Tag"']
    else:
        return ""
    return "\n".join([*head, *lines]) + "\n"


def source_name(system: Row) -> str:
    """Return a name that a source may have: letters, digits, blanks, dots and hyphens."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", " ", str(system["name"] or "")).strip(" ._-")[:50].strip()
    return plain or re.sub(r"[^A-Za-z0-9.-]+", "-", str(system["address"]))


def picked_text(name: str, url: str, security: str, nodes: Sequence[str], user: str = "", password_env: str = "") -> str:
    """Return a [[sources]] table for variables that a person picked."""
    lines = ["[[sources]]", f"name = {_text(name)}", 'type = "opcua"', f"url = {_text(url)}", f"security = {_text(security)}"]
    if user:
        lines += [f"user = {_text(user)}", f"password_env = {_text(password_env)}"]
    return "\n".join([*lines, "nodes = [", *(f"  {_text(node)}," for node in nodes), "]"]) + "\n"


def models(things: Sequence[Row], system: str) -> list[dict[str, Any]]:
    """Return an asset model for each kind of machine found, with the sentence a person decides by."""
    kinds: dict[str, list[Row]] = {}
    for thing in things:
        kinds.setdefault(str(thing["type"]), []).append(thing)
    proposed: list[dict[str, Any]] = []
    for kind, same in kinds.items():
        for few in [same] if kind else [[one] for one in same]:
            largest = max(few, key=lambda one: len(one["variables"]))
            name = kind.removesuffix("Type") if kind else str(few[0]["name"])
            variables: list[Row] = largest["variables"]
            proposed.append(
                {
                    "model": name,
                    "machines": [
                        {"node": one["node"], "name": _position(one["name"]), "tags": _tags(one["variables"], variables)}
                        for one in few
                    ],
                    "looks_like": _looks_like(few, kind, name, len(variables)),
                    "text": model_text(name, variables, largest["properties"], system),
                }
            )
    return proposed


def _position(name: object) -> str:
    """Return a machine's name as a position may have it."""
    return str(name).replace("/", "-").strip() or "Machine"


def _tags(own: Sequence[Row], variables: Sequence[Row]) -> dict[str, str]:
    """Return which node of this machine is which property of the model made from the largest of its kind."""
    taken: set[str] = set()
    called = {str(one["name"]): _property(str(one["name"]), taken) for one in variables if one["type"]}
    return {called[name]: str(one["node"]) for one in own if (name := str(one["name"])) in called and one["type"]}


def _looks_like(few: Sequence[Row], kind: str, name: str, count: int) -> str:
    who = f"'{few[0]['name']}'" if len(few) == 1 else f"{len(few)} objects ({', '.join(str(one['name']) for one in few[:3])} ...)"
    verb = "looks" if len(few) == 1 else "look"
    what = f"like a {name}" if kind else "like a machine of no declared type"
    return f"{who} {verb} {what} with {count} variable{'' if count == 1 else 's'}"


def model_text(name: str, variables: Sequence[Row], properties: Sequence[str], system: str) -> str:
    """Return the model as the YAML file a person puts into the models' folder."""
    lines = [f"model: {_text(name)}", "version: 1", f"description: {_text(f'proposed from {system}; not confirmed yet')}"]
    lines.append("properties:")
    taken: set[str] = set()
    for one in variables:
        if one["type"]:
            said = _property(str(one["name"]), taken)
            lines.append(f"  - {{name: {_text(said)}, kind: measurement, type: {one['type']}}}")
        else:
            lines.append(f"  # left out, no single value that can be stored: {_text(one['name'])}")
    lines += [f"  - {{name: {_text(_property(text, taken))}, kind: attribute, type: string}}" for text in properties]
    return "\n".join(lines) + "\n"


def _property(name: str, taken: set[str]) -> str:
    """Return a name that can stand in a path and stands there once."""
    plain = "".join(sign for sign in name.replace("/", "-") if sign.isprintable()).strip()[:240] or "unnamed"
    unique, n = plain, 1
    while unique in taken:
        n += 1
        unique = f"{plain} {n}"
    taken.add(unique)
    return unique


def _text(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)
