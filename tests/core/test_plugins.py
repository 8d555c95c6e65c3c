from __future__ import annotations

import importlib
import sys

import pytest

from lineshaft.core import ConfigError, Registry


@pytest.fixture
def sources(tmp_path, monkeypatch):
    folder = tmp_path / "made_sources"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "press.py").write_text("class Press: ...\nPLUGIN = Press\n")
    (folder / "robot.py").write_text("import a_library_that_is_not_here\n")
    (folder / "_wire.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("made_sources")
    for name in [name for name in sys.modules if name.startswith("made_sources")]:
        del sys.modules[name]


def test_a_file_in_the_folder_is_a_plugin(sources):
    registry = Registry("lineshaft.test", sources)
    assert list(registry) == ["press", "robot"]
    assert registry.load("press").__name__ == "Press"


def test_nothing_is_imported_before_it_is_asked_for(sources):
    list(Registry("lineshaft.test", sources))
    assert "made_sources.press" not in sys.modules


def test_an_unknown_name_is_told_with_the_nearest_one(sources):
    with pytest.raises(ConfigError) as caught:
        Registry("lineshaft.test", sources).load("pres", where="settings.toml")
    assert caught.value.code == "plugin.unknown"
    assert "did you mean 'press'?" in str(caught.value)
    assert str(caught.value).startswith("settings.toml: ")


def test_a_plugin_whose_library_is_missing_says_so(sources):
    with pytest.raises(ConfigError, match="a_library_that_is_not_here"):
        Registry("lineshaft.test", sources).load("robot")
