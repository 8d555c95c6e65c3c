"""A German form is German: every option of every source and writer has its sentence; one changed in English is asked for anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lineshaft.connect.settings import source_plugins
from lineshaft.connect.writer import writer_plugins

GERMAN = Path(__file__).parents[2] / "web" / "src" / "locales" / "options.de.json"


def sentences() -> dict[str, str]:
    """Return every sentence of a form with the option it stands at."""
    found: dict[str, str] = {}
    for registry in (source_plugins(), writer_plugins()):
        for plugin in registry:
            options = registry.load(plugin).Options
            found.setdefault((options.__doc__ or "").strip().partition("\n")[0], plugin)
            schema: dict[str, Any] = options.model_json_schema()
            for table in (schema, *schema.get("$defs", {}).values()):
                for name, option in table.get("properties", {}).items():
                    found.setdefault(option.get("description", ""), f"{plugin}.{name}")
    return found


def test_every_option_of_every_source_and_writer_has_a_german_sentence():
    told, german = sentences(), json.loads(GERMAN.read_text("utf-8"))
    assert "" not in told, f"an option without a description: {told.get('')}"
    assert {text: where for text, where in told.items() if not german.get(text, "").strip()} == {}
    assert set(german) - set(told) == set(), "no option says this any more"
