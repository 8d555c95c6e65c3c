"""A picture's class by an ONNX model of anybody's: what goes in and what comes out is described where the source is configured.

Needs onnxruntime and Pillow (the extra `vision`). What does not fit is told with the shapes of both sides.
"""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator, model_validator

from lineshaft.connect.onnx_file import Base64, opened
from lineshaft.core import ConfigError, InvalidInput, Section

MOST_PIXELS, LARGEST_SIDE = 100_000_000, 4_096
Floats = npt.NDArray[np.float32]


class PictureModel(Section):
    """An ONNX model that sorts pictures: its file, and how a picture is made into its input."""

    name: str = Field(min_length=1, max_length=150, description="What people call the model; it stands beside each result.")
    content: Base64 = Field("", description="The ONNX file in base64: it travels with the configuration.")
    file: str = Field("", description="Or the ONNX file's path, absolute or below HOME of the node that judges.")
    classes: tuple[str, ...] = Field((), description="Names of the classes, in the order of the output; empty: their numbers.")
    input: str = Field("", description="Name of the input; empty: the only one.")
    output: str = Field("", description="Name of the output; empty: the first.")
    layout: Literal["auto", "nchw", "nhwc"] = Field("auto", description="Where the colours stand in the input's shape.")
    colours: Literal["rgb", "bgr", "grey"] = Field("rgb", description="Which colours the model was trained with, in which order.")
    size: tuple[int, int] | None = Field(None, description="Width and height, where the model's input leaves them open.")
    scale: float = Field(1 / 255, description="Pixels (0 to 255) are multiplied by this,")
    mean: tuple[float, ...] = Field((), description="then this is taken off, one number for all colours or one for each,")
    deviation: tuple[float, ...] = Field((), description="then they are divided by this.")
    softmax: bool | None = Field(None, description="Whether outputs become shares of 1; not said: where they do not sum to 1.")

    @field_validator("size")
    @classmethod
    def _fits(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not all(0 < side <= LARGEST_SIDE for side in value):
            raise ValueError(f"a side has 1 to {LARGEST_SIDE} pixels")
        return value

    @model_validator(mode="after")
    def _one(self) -> PictureModel:
        if bool(self.content) == bool(self.file):
            raise ValueError("either `content` or `file`: one of them")
        colours = 1 if self.colours == "grey" else 3
        if any(len(one) not in (0, 1, colours) for one in (self.mean, self.deviation)):
            raise ValueError(f"`mean` and `deviation` have one number, or {colours}")
        if 0 in self.deviation:
            raise ValueError("nothing can be divided by a `deviation` of 0")
        return self

    def load(self, home: Path) -> Classifier:
        """Open the model. Raises InvalidInput for a file that does not fit, ConfigError where a library is missing."""
        if self.content:
            return Classifier(self, base64.b64decode(self.content))
        path = home / self.file
        try:
            return Classifier(self, path.read_bytes())
        except OSError as error:
            raise InvalidInput(f"the model cannot be read: {error.strerror}", where=str(path), code="vision.model") from error


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model sees in a picture."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the input lies: its name, whether colours come first, width and height, and its number type."""

    name: str
    first: bool
    width: int
    height: int
    kind: str


class Classifier:
    """A model that was opened and fits what was said of it."""

    def __init__(self, options: PictureModel, content: bytes) -> None:
        self.options = options
        self.called = f"{options.name} ({hashlib.sha256(content).hexdigest()[:12]})"
        self._session = _session(content, options.name)
        self._shape = self._input()
        names = [one.name for one in self._session.get_outputs()]
        if options.output and options.output not in names:
            raise self._wrong(f"has no output '{options.output}'", f"its outputs are {', '.join(names)}")
        self._output = options.output or names[0]
        self.judge(_blank())  # what does not fit is found now, not with the first picture

    def judge(self, picture: bytes) -> Judgement:
        """Return class and score of a picture. Raises InvalidInput for one that cannot be read, or that the model refuses."""
        pixels = self._pixels(picture)
        try:
            (made,) = self._session.run([self._output], {self._shape.name: pixels})
        except Exception as error:
            raise self._wrong(f"cannot be run: {error}", "compare `size`, `layout` and `colours` with its training") from error
        numbers = np.asarray(made)
        if numbers.dtype.kind not in "fiu" or numbers.ndim == 0 or numbers.size != numbers.shape[-1]:
            raise self._wrong(f"gives {numbers.dtype} of shape {list(numbers.shape)}", "a classifier gives one number a class")
        return self._named(numbers.reshape(-1).astype(np.float64))

    def _named(self, numbers: npt.NDArray[np.float64]) -> Judgement:
        classes = self.options.classes
        if classes and len(classes) != numbers.size:
            raise self._wrong(f"gives {numbers.size} numbers, and `classes` names {len(classes)}", "name every class, in order")
        if not np.isfinite(numbers).all():
            raise self._wrong("gives numbers that are none (NaN, infinite)", "compare `scale`, `mean` and `deviation`")
        shares = bool(abs(numbers.sum() - 1) < 1e-3 and numbers.min() >= 0)
        if self.options.softmax if self.options.softmax is not None else not shares:
            numbers = np.exp(numbers - numbers.max())
            numbers /= numbers.sum()
        best = int(numbers.argmax())
        return Judgement(classes[best] if classes else str(best), float(numbers[best]))

    def _input(self) -> _Shape:
        options = self.options
        found = {one.name: one for one in self._session.get_inputs()}
        if options.input not in found and (options.input or len(found) != 1):
            raise self._wrong(f"has the inputs {', '.join(found)}", "name one in `input`; a model of pictures has one")
        chosen = found[options.input] if options.input else next(iter(found.values()))
        shape = list(chosen.shape)
        if len(shape) != 4 or (isinstance(shape[0], int) and shape[0] != 1):
            raise self._wrong(f"takes the shape {shape}", "one picture at once is [1, colours, height, width] (nchw) or nhwc")
        colours = 1 if options.colours == "grey" else 3
        first = options.layout == "nchw" or (options.layout == "auto" and (shape[1] == colours or shape[3] != colours))
        height, width = shape[2:] if first else shape[1:3]
        told = shape[1] if first else shape[3]
        if isinstance(told, int) and told != colours:
            raise self._wrong(
                f"takes {told} colours (shape {shape}), and {options.colours} has {colours}",
                "see `colours`, `layout`",
            )
        size = options.size or (width, height)
        if not all(isinstance(side, int) for side in size):
            raise self._wrong(f"leaves the size open (shape {shape})", "say `size` = [width, height]")
        if any(isinstance(is_, int) and is_ != side for is_, side in zip((width, height), size, strict=True)):
            raise self._wrong(f"takes {width} x {height} pixels, and `size` says {size[0]} x {size[1]}", "leave `size` out")
        if chosen.type not in ("tensor(float)", "tensor(uint8)"):
            raise self._wrong(f"takes {chosen.type}", "float or uint8 pixels are understood")
        return _Shape(chosen.name, first, int(size[0]), int(size[1]), chosen.type)

    def _pixels(self, picture: bytes) -> Any:
        shape, options = self._shape, self.options
        pixels = _decoded(picture, (shape.width, shape.height), grey=options.colours == "grey")
        if options.colours == "bgr":
            pixels = pixels[:, :, ::-1]
        if shape.kind == "tensor(float)":
            pixels = _scaled(pixels, options)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1) if shape.first else pixels)[None]

    def _wrong(self, what: str, hint: str) -> InvalidInput:
        return InvalidInput(f"the model '{self.options.name}' {what}", hint=hint, code="vision.model")


def _scaled(pixels: npt.NDArray[Any], options: PictureModel) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):  # numbers that are none are told with the model's answer
        numbers = pixels.astype(np.float32) * np.float32(options.scale)
        if options.mean:
            numbers = numbers - np.array(options.mean, np.float32)
        return numbers / np.array(options.deviation, np.float32) if options.deviation else numbers


def _session(content: bytes, name: str) -> Any:
    try:
        return opened(content)
    except ImportError as error:
        raise ConfigError("judging pictures needs the package onnxruntime", hint="pip install 'lineshaft[vision]'") from error
    except ValueError as error:
        hint = "is the file ONNX, whole, and of an opset this onnxruntime knows?"
        raise InvalidInput(f"onnxruntime cannot read the model '{name}': {error}", hint=hint, code="vision.model") from error


def _image() -> Any:
    try:
        from PIL import Image  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError("judging pictures needs the package Pillow", hint="pip install 'lineshaft[vision]'") from error
    return Image


def _decoded(picture: bytes, size: tuple[int, int], *, grey: bool) -> npt.NDArray[Any]:
    """Return a picture's pixels (height, width, colours) in the size asked for. Raises InvalidInput for a broken one."""
    image = _image()
    try:
        with image.open(io.BytesIO(picture)) as one:
            if one.width * one.height > MOST_PIXELS:
                raise InvalidInput(f"the picture has {one.width} x {one.height} pixels", code="vision.large")
            pixels = np.asarray(one.convert("L" if grey else "RGB").resize(size, image.Resampling.BILINEAR))
    except (OSError, ValueError, SyntaxError, image.DecompressionBombError) as error:
        raise InvalidInput(f"the picture cannot be read: {error}", code="vision.picture") from error
    return pixels[:, :, None] if grey else pixels


def _blank() -> bytes:
    out = io.BytesIO()
    _image().new("RGB", (8, 8)).save(out, "PNG")
    return out.getvalue()
