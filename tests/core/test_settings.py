from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import Field

from lineshaft.core import ConfigError, Duration, Section, load, sample


class Line(Section):
    name: str = Field("", description="What people call it.")
    limits: list[float] = Field(default=[1.0, 2.5], description="Lower and upper.")


class StoreSettings(Section):
    """Where values are kept."""

    flush: str = Field("5m", description="How often the lake is written.\nTimes are like 5m.")
    rows: int = Field(5000, ge=1, description="Rows a batch.")
    compress: bool = True
    lines: list[Line] = Field(default=[], description="The lines.")


SECTIONS = {"store": StoreSettings}


def given(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


class Waits(Section):
    wait: Duration = Field("5m", description="How long.")


def test_a_length_of_time_is_checked_when_the_file_is_read(tmp_path):
    assert load(given(tmp_path, '[waits]\nwait = "1h30m"\n'), {"waits": Waits})["waits"].wait == "1h30m"
    with pytest.raises(ConfigError, match=r"\[waits\] wait: '10 minuets' is not a duration"):
        load(given(tmp_path, '[waits]\nwait = "10 minuets"\n'), {"waits": Waits})


def test_no_file_is_all_defaults(tmp_path):
    assert load(tmp_path / "nowhere.toml", SECTIONS) == {"store": StoreSettings()}


def test_what_is_written_counts(tmp_path):
    settings = load(given(tmp_path, '[store]\nrows = 7\nlines = [{name = "Line 1"}]\n'), SECTIONS)["store"]
    assert isinstance(settings, StoreSettings)
    assert (settings.rows, settings.lines[0].name) == (7, "Line 1")


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("[stor]\n", "there is no section [stor]", "did you mean 'store'?"),
        ("[store]\nflsh = '1m'\n", "[store] flsh: is not a setting", "did you mean 'flush'?"),
        ("[store]\nlines = [{nam = 'x'}]\n", "[store] lines.0.nam: is not a setting", "did you mean 'name'?"),
        ("[store]\nrows = 0\n", "[store] rows: Input should be greater than or equal to 1", ""),
        ("[store]\nrows = 'many'\n", "[store] rows: ", ""),
        ("[store\n", "this is not TOML", ""),
    ],
)
def test_a_typo_names_its_place_and_the_nearest_name(tmp_path, text, what, hint):
    path = given(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path, SECTIONS)
    assert what in caught.value.what
    assert caught.value.where == str(path)
    assert hint in caught.value.hint


def test_the_sample_is_a_settings_file_with_every_default(tmp_path):
    text = sample(SECTIONS)
    assert tomllib.loads(text) == {"store": {}}
    assert "## Where values are kept." in text
    assert "## Times are like 5m." in text
    spoken = "\n".join(line.removeprefix("# ") for line in text.splitlines()[1:] if not line.startswith("##"))
    assert load(given(tmp_path, spoken), SECTIONS) == {"store": StoreSettings()}
