"""What models tell: a training came further, a version began to work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelMoved:
    """A model of a machine changed: training, versions, mode."""

    model_id: str
    asset_path: str
    what: str
    number: int
    share: float = 0.0
