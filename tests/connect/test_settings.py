"""Settings of the edge: an array of tables for the sources, and mistakes told with the nearest right word."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lineshaft.connect import GatewaySettings, SourcesSettings
from lineshaft.core import ConfigError, load, sample

SECTIONS = {"gateway": GatewaySettings, "sources": SourcesSettings}


def built(path: Path, text: str):
    file = path / "settings.toml"
    file.write_text(text)
    settings = load(file, SECTIONS)["sources"]
    assert isinstance(settings, SourcesSettings)
    return settings.build(file)


def test_sources_are_an_array_of_tables(tmp_path: Path):
    text = "".join(f'[[sources]]\nname = "{name}"\ntype = "opcua"\nurl = "opc.tcp://h:1"\nnodes = ["i=1"]\n' for name in "ab")
    assert [source.name for source in built(tmp_path, text)] == ["a", "b"]


def test_no_sources_are_no_mistake(tmp_path: Path):
    assert built(tmp_path, "") == []


ONE = '[[sources]]\nname = "a"\n'
ALL = ONE + 'type = "opcua"\nurl = "opc.tcp://h"\nbrowse = true\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ONE + 'type = "opcu"\n', "there is no plugin 'opcu' in lineshaft.sources - did you mean 'opcua'?"),
        (ONE + 'type = "opcua"\nurll = "opc.tcp://h"\n', "'a': urll: is not a setting - did you mean 'url'?"),
        (ONE + 'type = "opcua"\nurl = "http://h"\n', "url: String should match pattern"),
        (
            ONE + 'type = "opcua"\nurl = "opc.tcp://h"\n',
            "name at least one NodeId in `nodes` or `polled`, or set `browse = true`",
        ),
        (ALL + 'keepalive = "soon"\n', "keepalive: 'soon' is not a duration"),
        (
            ALL + 'security = "Basic256"\n',
            "Input should be 'None', 'Basic",
        ),
        (ALL + 'certificate = "c.der"\n', "belong together"),
        (ONE + ONE, "type: Field required"),
        (ONE + 'type = "x"\n' + ONE + 'type = "x"\n', "two sources are called 'a'"),
        ("[gateway]\nflsh = 1\n", "[gateway] flsh: is not a setting - did you mean 'flush'?"),
        ('[gateway]\nflush = "1x"\n', "[gateway] flush: '1x' is not a duration"),
        ('[[sources]]\nname = "derived"\ntype = "opcua"\n', "'derived' is the name of what is computed here"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_how_to_mend_it(tmp_path: Path, text: str, says: str):
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, text)
    assert says in str(caught.value)
    assert "settings.toml" in str(caught.value)


def test_the_sample_is_a_file_that_loads(tmp_path: Path):
    text = sample(SECTIONS)
    assert "# [[sources]]" in text
    assert built(tmp_path, text) == []
    said = "\n".join(line.removeprefix("# ") for line in text.splitlines() if not line.startswith(("##", "# Line")))
    assert [entry["name"] for entry in tomllib.loads(said)["sources"]] == ["press"]
