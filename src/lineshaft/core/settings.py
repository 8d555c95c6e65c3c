"""Settings: one commented TOML file; a room's frozen pydantic model is the only truth of its section.

`sample()` prints the file with every field's description; `load()` names a wrong line's place and the nearest known name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from lineshaft.core.clock import parse_duration
from lineshaft.core.errors import ConfigError, InvalidInput, did_you_mean


def _duration(text: str) -> str:
    try:
        parse_duration(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    return text


Duration = Annotated[str, AfterValidator(_duration)]
"""A length of time as people write it (200ms, 5m, 1h); a typo is found when the file is read, not when it is needed."""


class Section(BaseModel):
    """Base of every section: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Sections = Mapping[str, type[Section]]


def load(path: Path, sections: Sections) -> dict[str, Section]:
    """Read the TOML file into one model a section; absent sections take their defaults.

    Raises ConfigError naming file, section, field and the nearest known name.
    """
    raw: dict[str, Any] = {}
    if path.exists():
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"this is not TOML: {error}", where=str(path)) from None
    for name in raw:
        if name not in sections:
            raise ConfigError(
                f"there is no section [{name}]", where=str(path), hint=did_you_mean(name, sections), code="config.unknown-section"
            )
    return {name: _one(name, model, raw.get(name, {}), path) for name, model in sections.items()}


def _one(name: str, model: type[Section], values: object, path: Path) -> Section:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        what, hint = explain(error, model)
        raise ConfigError(f"[{name}] {what}", where=str(path), hint=hint) from None


def explain(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """Return what is wrong with the first wrong field, an unknown name before all, and how to mend it."""
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{field}: is not a setting", did_you_mean(str(first["loc"][-1]), fields_at(model, first))
    said = first["msg"].removeprefix("Value error, ")
    return f"{field}: {said}" if field else said, ""


def fields_at(model: type[BaseModel], error: ErrorDetails) -> list[str]:
    """Return the names allowed where an unknown one stood, following nested sections and lists of them."""
    here: type[BaseModel] = model
    for part in error["loc"][:-1]:
        if isinstance(part, int) or part not in here.model_fields:
            continue
        kind = here.model_fields[part].annotation
        inner = [k for k in (kind, *getattr(kind, "__args__", ())) if isinstance(k, type) and issubclass(k, BaseModel)]
        here = inner[0] if inner else here
    return list(here.model_fields)


def sample(sections: Sections) -> str:
    """Return a commented TOML file: every field with its description, defaults commented out.

    A section that is no plain table (an array of tables) says itself what to print, in its `sample_text`.
    """
    lines = ["# Lineshaft settings. A commented line shows the default; times are like 200ms, 5m, 1h.", ""]
    for name, model in sections.items():
        lines += [f"## {line}" for line in (model.__doc__ or "").strip().split("\n\n")[0].splitlines()]
        if text := getattr(model, "sample_text", ""):
            lines += [*str(text).splitlines(), ""]
            continue
        lines.append(f"[{name}]")
        for key, field in model.model_fields.items():
            lines += [f"## {line}" for line in (field.description or "").splitlines()]
            value = field.get_default(call_default_factory=True)
            lines.append(f"# {key} = {_toml(cast('object', value))}")
        lines.append("")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in cast("list[object]", value)) + "]"
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in pairs) + "}"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
