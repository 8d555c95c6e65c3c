"""`lineshaft model` against a real door: the worked example of quality prediction as it is printed, and what is refused."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineshaft.cli.model import model
from lineshaft.core import NS, ConfigError, Conflict, Forbidden, InvalidInput, NotFound, now_ns
from tests.cli.conftest import typed
from tests.doors.conftest import BAKERY, OVEN, House, make_house

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "predict-quality.md"
TEXT = "INPUTS = ['a', 'b']\n\n\ndef predict(columns):\n    return columns['a'] + 2 * columns['b']\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    yield from make_house(tmp_path_factory.mktemp("models"))


def test_code_is_trusted_by_hand_or_refused_and_goes_out_and_in_as_mlflow(house: House, tmp_path: Path):
    path, packed = tmp_path / "sum.py", tmp_path / "sum.zip"
    path.write_text(TEXT)
    typed(model, house, "create", "sum")
    with pytest.raises(Conflict, match="already"):
        typed(model, house, "create", "sum")
    with pytest.raises(InvalidInput, match="is code"):
        typed(model, house, "register", "sum", str(path))
    with pytest.raises(Forbidden):
        typed(model, house, "register", "sum", str(path), "--trust", role="operator")
    with pytest.raises(InvalidInput, match="'good' is no number"):
        typed(model, house, "register", "sum", str(path), "--trust", "--metric", "r2=good")
    assert typed(model, house, "register", "sum", str(path), "--trust", "--metric", "r2=0.9") == "version 1: a, b -> prediction\n"
    (line, version) = typed(model, house, "list", role="viewer").splitlines()
    assert line == "sum"
    assert re.fullmatch(r"    1  new  python  [0-9a-f]{12}  r2=0.9", version)
    (tmp_path / "rows.csv").write_text("b,a\n2,1\n")
    with pytest.raises(Conflict, match="in production"):
        typed(model, house, "predict", "sum", str(tmp_path / "rows.csv"))
    assert json.loads(typed(model, house, "predict", "--number", "1", "sum", str(tmp_path / "rows.csv"))) == {"prediction": [5.0]}
    for text, what in (("a\n1\n", "'b' is missing"), ("a,b\n1,hot\n", "'hot' is no number")):
        (tmp_path / "wrong.csv").write_text(text)
        with pytest.raises(InvalidInput, match=what):
            typed(model, house, "predict", "--number", "1", "sum", str(tmp_path / "wrong.csv"))
    with pytest.raises(NotFound, match="version 7"):
        typed(model, house, "stage", "sum", "7", "production")
    assert typed(model, house, "export", "sum", "1", str(packed)).startswith(f"{packed}: ")
    with pytest.raises(InvalidInput, match="is code"):
        typed(model, house, "register", "sum", str(packed))
    assert typed(model, house, "register", "sum", str(packed), "--trust") == "version 2: a, b -> prediction\n"
    with pytest.raises(NotFound) as told:
        typed(model, house, "register", "smu", str(path), "--trust")
    assert "sum" in told.value.hint
    with pytest.raises(InvalidInput, match="no kind of model"):
        (tmp_path / "model.bin").write_bytes(b"x")
        typed(model, house, "register", "sum", str(tmp_path / "model.bin"))


def test_without_a_token_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LINESHAFT_TOKEN", raising=False)
    with pytest.raises(ConfigError) as told:
        CliRunner().invoke(model, ["list"], standalone_mode=False, catch_exceptions=False)
    assert "lineshaft token create" in told.value.hint


@pytest.mark.slow
def test_the_worked_example_of_quality_runs_as_it_is_printed(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its Python trains, its commands register, its request lets the model write the property; then values come."""
    text = PAGE.read_text(encoding="utf-8")
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), {"folder": tmp_path})
    monkeypatch.chdir(tmp_path)
    (lines,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    said = [typed(model, house, *shlex.split(line)[2:]) for line in lines.strip().splitlines()]
    assert said[1:] == ["version 1: temperature, speed, humidity -> prediction\n", "version 1 of quality-oven: production\n"]
    house.rooms.assets.load(with_a_forecast(tmp_path / "config"))
    (request,) = re.findall(r"```http\nPOST /api/v1/(\S+)\n(.*?)```", text, re.DOTALL)
    made = house.post(request[0], json.loads(request[1]), "engineer")
    assert made.status_code == 201, made.text
    registry, minute = house.rooms.registry, 60 * NS
    start = now_ns() // minute * minute + minute
    oven, hall = "ns=2;s=Oven", "Hall"
    hot, cool = (((oven, 226.0, 2.0, 45.0), start), ((oven, 217.0, 2.2, 45.0), start + minute))
    for (tag, temperature, speed, humidity), at in (hot, cool):
        rows = [(f"{tag}/Temperature", temperature, at + NS), (f"{tag}/Speed", speed, at + NS)]
        house.values(rows)
        house.values([(f"{hall}/Humidity", humidity, at + NS)])
    assert registry.tick(start + 3 * minute) == 2
    table = house.rooms.store.history(f"{OVEN}/Predicted bad share", start, start + 3 * minute)
    bad, good = table["value"].to_pylist()
    assert bad > good + 1


def with_a_forecast(folder: Path) -> Path:
    """Return the bakery with a property for the forecast and a hall that measures humidity, as the page asks for it."""
    shutil.copytree(BAKERY, folder)
    oven, plant = folder / "models" / "oven.yaml", folder / "plant.yaml"
    words = oven.read_text().replace("version: 1\n", "version: 99\n", 1)
    more = "properties:\n  - {name: Predicted bad share, kind: measurement, unit: '%'}\n"
    oven.write_text(words.replace("properties:\n", more, 1))
    (folder / "models" / "hall.yaml").write_text(
        "model: Hall\nversion: 1\nproperties:\n  - {name: Humidity, kind: measurement, unit: '%'}\n"
    )
    hall = "    children:\n      - {name: Hall, model: Hall, source: bakery, tags: {Humidity: Hall/Humidity}}\n"
    plant.write_text(plant.read_text().replace("    children:\n", hall, 1))
    return folder
