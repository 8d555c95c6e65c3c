"""Pictures in a folder become rows of an album and values of tags; an ONNX model described in the configuration judges them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from lineshaft.connect import Source, SourceEntry, SourceState, TakesPictures
from lineshaft.connect.classifier import PictureModel
from lineshaft.connect.edge.album import Outbox
from lineshaft.connect.edge.frames import pack_picture, unpack_picture
from lineshaft.connect.edge.versions import read_config
from lineshaft.core import ConfigError, InvalidInput, Retryable
from tests.connect.checks import check_source
from tests.connect.conftest import listening

LONG_AGO = 1_700_000_000
CLASSES = ["dark", "bright"]


def model(
    *, layout: str = "nchw", colours: int = 3, size: tuple[int, int] = (8, 6), open_size: bool = False, outputs: int = 2
) -> bytes:
    """A model that tells bright pictures from dark ones: the mean of all pixels against one half, as two logits."""
    width, height = ("w", "h") if open_size else size
    shape: list[Any] = [1, colours, height, width] if layout == "nchw" else [1, height, width, colours]
    weights = np.zeros((1, outputs), np.float32)
    weights[0, :2] = [-10, 10]
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["mean", "half"], ["off"]),
        helper.make_node("Reshape", ["off", "row"], ["one"]),
        helper.make_node("MatMul", ["one", "weights"], ["logits"]),
    ]
    constants = {"half": np.array([0.5], np.float32), "row": np.array([1, 1], np.int64), "weights": weights}
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, outputs])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def picture(shade: int, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 20), (shade, shade, shade)).save(out, kind)
    return out.getvalue()


def options(content: bytes, **more: Any) -> dict[str, Any]:
    return {"name": "bright 1", "content": base64.b64encode(content).decode(), "classes": CLASSES, **more}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINESHAFT_HOME", str(tmp_path))
    place = tmp_path / "camera"
    place.mkdir()
    return place


def source(**more: Any) -> Source:
    entry = {"name": "camera", "type": "pictures", "folder": "camera", "asset": "Bakery/Line 1/Oven", "every": "20ms", **more}
    return SourceEntry.model_validate(entry).build()


def put(path: Path, content: bytes, at: int = LONG_AGO) -> Path:
    path.write_bytes(content)
    os.utime(path, (at, at))
    return path


def taken(home: Path) -> list[dict[str, Any]]:
    """What waits for the album, by time."""
    inbox = home / "inbox" / "images"
    found = [json.loads(path.read_text()) for path in inbox.glob("*.json")]
    assert len(found) == len([path for path in inbox.iterdir() if path.suffix != ".json"])
    return sorted(found, key=lambda one: one["time"])


async def test_a_picture_is_judged_and_goes_with_its_class_to_the_album(folder: Path):
    put(folder / "a.png", picture(250))
    put(folder / "b.jpg", picture(10, "JPEG"), LONG_AGO + 1)
    (folder / "b.jpg.json").write_text('{"lot": "L-7", "time": "2026-01-02T00:00:00Z", "result": "pass"}')
    async with listening(source(station="Camera 1", model=options(model()))) as ear:
        await ear.until(lambda: len(ear.of("class")) == 2)
        assert ear.of("class") == ["bright", "dark"]
        assert all(0.98 < score <= 1 for score in ear.of("score"))
        assert len(set(ear.of("picture"))) == 2
        await ear.until(lambda: "2 judged by bright 1 (" in ear.statuses[-1].message)
    bright, dark = taken(folder.parent)
    assert (bright["result"], bright["asset"], bright["station"]) == ("bright", "Bakery/Line 1/Oven", "Camera 1")
    assert (dark["result"], dark["lot"], dark["time"][:10]) == ("dark", "L-7", "2026-01-02"), "the model's word stands"
    assert bright["model"].startswith("bright 1 (")
    assert bright["score"] > 0.98
    assert (folder / "a.png").exists(), "the folder is left as it is"
    put(folder / "c.png", picture(200), LONG_AGO + 2)
    async with listening(source(model=options(model()))) as again:
        await again.until(lambda: again.of("class") == ["bright"])  # only what is new


async def test_bad_pictures_are_told_and_stop_nothing(folder: Path):
    put(folder / "a.png", b"\x89PNG\r\n\x1a\n and no more")
    put(folder / "b.png", picture(250)[:60], LONG_AGO + 1)
    put(folder / "c.png", picture(250), LONG_AGO + 2)
    put(folder / "c.png.json", b"[1]")
    put(folder / "d.png", picture(250), LONG_AGO + 3)
    async with listening(source(model=options(model()))) as ear:
        await ear.until(lambda: ear.of("class") == ["bright"])
        await ear.until(lambda: ear.statuses[-1].state is SourceState.DEGRADED)
        assert set(ear.statuses[-1].tags_bad) == {"a.png", "b.png", "c.png"}
        assert "cannot be read" in ear.statuses[-1].tags_bad["a.png"]
        assert "no JSON object" in ear.statuses[-1].tags_bad["c.png"]
    assert len(taken(folder.parent)) == 1


@pytest.mark.parametrize(
    ("content", "more", "what"),
    [
        (b"no model", {}, "onnxruntime cannot read the model 'bright 1'"),
        (model(outputs=3), {}, "gives 3 numbers, and `classes` names 2"),
        (model(colours=1), {}, r"takes 1 colours \(shape \[1, 1, 6, 8\]\), and rgb has 3"),
        (model(open_size=True), {}, r"leaves the size open .* say `size` = \[width, height\]"),
        (model(), {"size": [9, 6]}, "takes 8 x 6 pixels, and `size` says 9 x 6"),
        (model(), {"input": "image"}, "has the inputs pixels"),
        (model(), {"output": "scores"}, "has no output 'scores' - its outputs are logits"),
        (model(), {"mean": [1.0, 2.0]}, "`mean` and `deviation` have one number, or 3"),
        (model(), {"deviation": [0.0]}, "divided by a `deviation` of 0"),
        (model(), {"scale": float("inf")}, "numbers that are none"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_both_sides(content: bytes, more: dict[str, Any], what: str):
    with pytest.raises((ConfigError, InvalidInput, ValueError), match=what):
        PictureModel.model_validate(options(content, **more)).load(Path())


def test_a_plant_refuses_a_configuration_whose_model_its_edge_could_not_use(folder: Path):
    text = f'[[sources]]\nname = "camera"\ntype = "pictures"\nfolder = "{folder}"\nasset = "A"\n[sources.model]\nname = "m"\n'
    with pytest.raises(InvalidInput, match="cannot read the model 'm'"):
        read_config(f'{text}content = "AAAA"\n')


async def test_pictures_wait_for_a_model_that_is_not_there_yet(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lineshaft.connect.sources.pictures.pictures.MODEL_AGAIN", 0.02)
    put(folder / "a.png", picture(10))
    async with listening(source(model={"name": "later", "file": "later.onnx", "classes": CLASSES})) as ear:
        await ear.until(lambda: ear.statuses and "pictures wait" in ear.statuses[-1].message)
        assert ear.statuses[-1].state is SourceState.DOWN
        (folder.parent / "later.onnx").write_bytes(model())
        await ear.until(lambda: ear.of("class") == ["dark"])


@pytest.mark.parametrize(
    ("made", "more"),
    [
        (model(layout="nhwc"), {}),
        (model(colours=1), {"colours": "grey"}),
        (model(open_size=True), {"size": [16, 16], "colours": "bgr"}),
        (model(), {"scale": 1.0, "mean": [0.0, 0.0, 0.0], "deviation": [255.0], "layout": "nchw"}),
    ],
)
def test_models_of_other_shapes_are_fed_as_they_are_described(made: bytes, more: dict[str, Any]):
    judge = PictureModel.model_validate(options(made, **more)).load(Path()).judge
    assert [judge(picture(shade)).label for shade in (10, 250)] == ["dark", "bright"]


def test_a_picture_travels_to_the_plant_once_it_can(folder: Path, monkeypatch: pytest.MonkeyPatch):
    home = folder.parent
    inbox = home / "inbox" / "images"
    inbox.mkdir(parents=True)
    for name, said in (("a.png", {"asset": "A", "result": "dark"}), ("b.png", {"asset": "nowhere"})):
        put(inbox / name, picture(10))
        put(inbox / f"{name}.json", json.dumps(said).encode())
    got: list[tuple[bytes, dict[str, Any]]] = []

    def cut(_content: bytes, _said: object) -> None:
        raise Retryable("no answer")

    def send(content: bytes, said: Any) -> None:
        if said["asset"] == "nowhere":
            raise InvalidInput("there is no asset nowhere")
        got.append(unpack_picture(pack_picture(content, said)))

    with pytest.raises(Retryable):
        Outbox(home).send(cut)
    assert len(list(Outbox(home).waiting())) == 2
    assert Outbox(home).send(send) == 1
    assert [(content, said["asset"], said["result"]) for content, said in got] == [(picture(10), "A", "dark")]
    assert list(Outbox(home).waiting()) == []
    assert "no asset nowhere" in (inbox / "refused" / "b.png.txt").read_text()


async def test_the_rules_of_every_source(folder: Path, monkeypatch: pytest.MonkeyPatch):
    put(folder / "a.png", picture(10))
    monkeypatch.setattr("lineshaft.connect.places.Places.put", lambda *_args: None)  # pyright: ignore[reportUnknownLambdaType]  # a second run reads it again, as the check wants
    await check_source("pictures", {"folder": str(folder), "asset": "A", "every": "20ms"})


async def test_a_picture_that_was_sent_is_judged_like_one_that_was_found(folder: Path):
    camera = source(model=options(model()), settle="0s")
    assert isinstance(camera, TakesPictures)
    assert camera.judge == "bright 1"
    said = {"asset": "Bakery/Line 1/Packer", "lot": "L-9", "time": "2026-01-03T00:00:00Z", "station": "Gate"}
    name = camera.give(picture(240), ".png", said)
    assert camera.give(picture(240), ".png", said) == name, "the same one of the same time is there once"
    async with listening(camera) as ear:
        await ear.until(lambda: ear.of("class") == ["bright"])
        await ear.until(lambda: "1 judged by" in ear.statuses[-1].message)
    (one,) = taken(folder.parent)
    assert {word: one[word] for word in said} == said
    assert (one["name"], one["result"]) == (name, "bright")
    with pytest.raises(InvalidInput, match="takes no \\.webp"):
        source(files=["*.png"]).give(picture(1), ".webp", said)  # pyright: ignore[reportAttributeAccessIssue]
    await asyncio.to_thread(folder.rename, folder.with_name("gone"))
    with pytest.raises(Retryable, match="takes no picture"):
        camera.give(picture(2), ".png", said)
