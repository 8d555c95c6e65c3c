"""Options of the pictures source."""

from __future__ import annotations

from pydantic import Field

from lineshaft.connect.classifier import PictureModel
from lineshaft.core import NS, Duration, Section, parse_duration

KINDS = ("*.png", "*.jpg", "*.jpeg", "*.bmp", "*.tif", "*.tiff", "*.webp")


class PicturesOptions(Section):
    """Which folder pictures appear in, what they are of, and which model judges them; nothing in the folder is ever changed."""

    folder: str = Field(min_length=1, description="Folder to watch, absolute or below HOME.")
    files: tuple[str, ...] = Field(KINDS, min_length=1, description="Globs of pictures; **/*.png looks deeper.")
    asset: str = Field("", description="Path of the asset they are of; NAME.json beside a picture may say asset, lot and time.")
    station: str = Field("", max_length=200, description="The camera or station they come from.")
    keep: bool = Field(True, description="Pictures go to the plant's album, with class and score; false: only the values do.")
    model: PictureModel | None = Field(
        None, description="The model that judges each picture; without one they are taken in only."
    )
    every: Duration = Field("1s", description="How often the folder is looked at.")
    settle: Duration = Field("1s", description="A picture that did not change for so long is whole.")

    def seconds(self, name: str) -> float:
        """Return one of the durations in seconds."""
        return parse_duration(getattr(self, name)) / NS
