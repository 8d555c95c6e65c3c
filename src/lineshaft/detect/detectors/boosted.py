"""A second, opt-in detector: every sensor from all the others by boosted trees, for relations that bend.

It wants many rows and takes minutes where the default takes a second; try it where the default's residuals still follow the load.
Missing values are learned as such: a share of the training cells is taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lineshaft.core import ConfigError, InvalidInput, Section
from lineshaft.detect.detector import Arrays, Bools, Floats, Ints, Weigh

FLOOR = 0.03
"""A residual's spread is taken as at least this: relations that are exact on paper must not turn rounding into alarms."""


class Options(Section):
    """How the trees grow."""

    trees: int = Field(120, ge=10, le=2000, description="trees a sensor")
    leaves: int = Field(31, ge=4, le=255, description="leaves a tree")
    rate: float = Field(0.08, gt=0, le=1, description="how much each tree adds")
    rows: int = Field(60_000, ge=1000, description="rows learned from at most, evenly spread")
    least_rows: int = Field(20_000, ge=100, description="with fewer rows it refuses: trees would learn them by heart")
    hidden: float = Field(0.05, ge=0, lt=0.5, description="share of cells taken out in training")
    trim: float = Field(0.04, ge=0, lt=0.5, description="share of the oddest training rows left out")


class Boosted:
    """Residuals of boosted trees, each sensor on all others."""

    Options = Options

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options.model_validate({})
        self.charted: Ints = np.zeros(0, np.int64)
        self.spread: Floats = np.ones(0)
        self.noise: Floats = np.zeros(0)
        self.texts: list[str] = []
        self._trees: list[Any] = []

    def fit(self, train: Floats, held: Floats, charted: Ints, weigh: Weigh) -> dict[str, Any]:
        """Leave out the oddest training rows by a quarter of the trees, grow all, take spreads from the held-out rows."""
        if len(train) < self.options.least_rows:
            raise InvalidInput(
                f"{len(train)} rows are too few for boosted trees",
                hint=f"they want {self.options.least_rows}; take the default detector, or look back further",
                code="anomaly.too-few-rows",
            )
        self.charted, self.noise = charted, np.zeros(train.shape[1])
        if self.options.trim:
            self._grow(train, self.options.trees // 4)
            self._settle(train)
            odd = weigh(self.residuals(train))
            train = train[odd <= np.quantile(odd, 1 - self.options.trim)]
        self._grow(train, self.options.trees)
        self._settle(held if len(held) else train)
        return {"rows": min(len(train), self.options.rows), "trees": self.options.trees}

    def refit(self, rows: Floats) -> None:
        """Grow the trees again on all rows; the spreads stay those of rows they had not seen."""
        self._grow(rows, self.options.trees)

    def residuals(self, rows: Floats) -> Floats:
        """Return how far every charted sensor is from what its trees say, in spreads."""
        said = np.column_stack([self._say(rows, int(place)) for place in self.charted]) if len(rows) else rows[:, self.charted]
        return (rows[:, self.charted] - said) / np.sqrt(self.spread[self.charted] ** 2 + self.noise[self.charted])

    def expected(self, rows: Floats) -> Floats:
        """Return what the trees say each column should be."""
        return np.column_stack([self._say(rows, place) for place in range(rows.shape[1])]) if len(rows) else rows.copy()

    def coarsen(self, noise: Floats) -> tuple[Boosted, Floats]:
        """Return the same with wider spreads for columns that come in coarser steps."""
        other = Boosted(self.options)
        other.restore(self.state())
        other.noise = noise.copy()
        return other, np.sqrt(noise[self.charted] / (self.spread[self.charted] ** 2 + noise[self.charted]))

    def trees(self) -> tuple[list[tuple[Ints, list[dict[str, Any]]]], Floats]:
        """Return for every column the columns its trees ask and the trees, and the charted spreads: what an export needs."""
        self._open()
        told = [(places, [one["tree_structure"] for one in trees.dump_model()["tree_info"]]) for places, trees in self._trees]
        return told, np.sqrt(self.spread[self.charted] ** 2 + self.noise[self.charted])

    def state(self) -> Arrays:
        """Return the trees as text in bytes, spreads, and which columns are charted."""
        trees = {f"trees.{n}": np.frombuffer(text.encode(), np.uint8).copy() for n, text in enumerate(self.texts)}
        return {"charted": self.charted, "spread": self.spread, "noise": self.noise, **trees}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take the trees as they were."""
        self.charted, self.spread = np.array(state["charted"], np.int64), np.array(state["spread"], float)
        self.noise = np.array(state["noise"], float)
        self.texts = [state[f"trees.{n}"].tobytes().decode() for n in range(len(self.spread))]
        self._trees = []

    def __getstate__(self) -> dict[str, Any]:
        """Leave what can be read again from the texts."""
        return {**self.__dict__, "_trees": []}

    def _grow(self, rows: Floats, count: int) -> None:
        rows = rows[:: 1 + (len(rows) - 1) // self.options.rows]
        holes: Bools = np.random.default_rng(0).random(len(rows)) < 0.5
        self.texts, self._trees = [], []
        order = _order(rows)
        for place in range(rows.shape[1]):
            self.texts.append(self._tree(rows, place, order, holes, count))

    def _tree(self, rows: Floats, place: int, order: Ints, holes: Bools, count: int) -> str:
        """Return one sensor's trees as text; the order of the columns given does not matter."""
        lightgbm = _lightgbm()
        seen = ~np.isnan(rows[:, place])
        others = order[order != place]
        inputs = rows[np.ix_(seen, others)].copy()
        hidden = np.random.default_rng(1).random(inputs.shape) < self.options.hidden
        inputs[hidden & holes[seen][:, None]] = np.nan
        settings = {
            "objective": "regression",
            "num_leaves": self.options.leaves,
            "learning_rate": self.options.rate,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "seed": 0,
            "verbosity": -1,
            "min_data_in_leaf": 40,
            "feature_pre_filter": False,
            "max_bin": 127,
        }
        data = lightgbm.Dataset(inputs, rows[seen, place], params={"verbosity": -1, "feature_pre_filter": False, "max_bin": 127})
        made = lightgbm.train(settings, data, num_boost_round=count)
        return f"{','.join(str(int(one)) for one in others)}\n{made.model_to_string()}"

    def _open(self) -> None:
        """Read the trees from their texts."""
        if self._trees:
            return
        lightgbm = _lightgbm()
        for text in self.texts:
            head, _, body = text.partition("\n")
            places = np.array([int(one) for one in head.split(",")], np.int64)
            self._trees.append((places, lightgbm.Booster(model_str=body)))

    def _say(self, rows: Floats, place: int) -> Floats:
        self._open()
        others, trees = self._trees[place]
        return np.asarray(trees.predict(np.ascontiguousarray(rows[:, others]), num_threads=1), np.float64)

    def _settle(self, rows: Floats) -> None:
        """Take each column's spread from rows."""
        off = rows - self.expected(rows)
        self.spread = np.maximum(np.nan_to_num(np.nanstd(off, axis=0), nan=1.0), FLOOR)


def _order(rows: Floats) -> Ints:
    """Return the columns in an order of their own values: trees that could split on either take the same, however given."""
    filled = np.nan_to_num(rows[:200], nan=0.0)
    return np.lexsort(filled[::-1]).astype(np.int64)


def _lightgbm() -> Any:
    try:
        import lightgbm  # noqa: PLC0415 - an extra, and heavy
    except ImportError as error:
        raise ConfigError("boosted trees need the package lightgbm", hint="pip install 'lineshaft[life]'") from error
    return lightgbm


PLUGIN = Boosted
