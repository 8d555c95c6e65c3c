"""Many lives with sensors: LightGBM on features of windows, an interval from assets the model had not seen.

The only file that knows LightGBM (extra `life`). Assets, never rows, are split: each fold's model is judged on lives it did not
learn from. The models of the folds together are the model; what they got wrong on unseen lives is the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineshaft.core import InvalidInput, LineshaftError
from lineshaft.detect.detector import Floats, Ints
from lineshaft.detect.life.features import Features
from lineshaft.detect.life.histories import Fleet, Life, Progress
from lineshaft.detect.life.interval import Bands

FOLDS = 5
ROUNDS = 300
MOST_ROWS = 11_000
SETTINGS: dict[str, Any] = {
    "objective": "regression",
    "num_leaves": 31,
    "learning_rate": 0.04,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "feature_fraction": 0.4,
    "min_data_in_leaf": 60,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "verbosity": -1,
    "seed": 1,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
}


def available() -> bool:
    """Say whether LightGBM is installed."""
    try:
        _lightgbm()
    except LineshaftError:
        return False
    return True


def _lightgbm() -> Any:
    try:
        import lightgbm  # noqa: PLC0415 - an extra, and heavy
    except (ImportError, OSError) as error:
        hint = "pip install 'lineshaft[life]' (on Debian also: apt install libgomp1)"
        raise LineshaftError("LightGBM is not installed", hint=hint, code="life.lightgbm") from error
    return lightgbm


@dataclass(slots=True)
class Boosting:
    """Trees that say what is left of a life, and how far they were off on lives they had not seen."""

    features: Features
    cap: float
    boosters: list[Any]
    bands: Bands
    about: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def fit(cls, fleet: Fleet, cap: float, tell: Progress) -> Boosting:
        """Learn from the lives that ended, fold by fold."""
        lives = [life for life in fleet.lives if life.failed]
        features = Features.learn(lives, fleet.names, cap)
        if not features.names:
            hint = "choose other sensors, or learn from ages alone (method='history')"
            raise InvalidInput("no sensor follows the remaining life", hint=hint, code="life.no-sensor")
        rows = [features.rows(life) for life in lives]
        left = [np.minimum(life.remaining, cap) for life in lives]
        fold = _folds(lives)
        owner = np.repeat(np.arange(len(lives)), [len(each) for each in rows])
        thin = max(1, -(-len(owner) // MOST_ROWS))
        matrix, target = np.vstack(rows), np.concatenate(left)
        boosters: list[Any] = []
        guess = np.zeros(len(owner))
        for number in range(FOLDS):
            tell(0.1 + 0.8 * number / FOLDS, f"learning, part {number + 1} of {FOLDS}")
            unseen = fold[owner] == number
            learn = np.flatnonzero(~unseen)[::thin]
            booster = _train(matrix[learn], target[learn])
            guess[unseen] = _of(booster, matrix[unseen])
            boosters.append(booster)
        tell(0.92, "measuring intervals")
        guess = np.clip(guess, 0, cap)
        bands = Bands.learn(guess, target, owner, cap)
        about = _about(guess, target, owner, fold[owner], cap)
        return cls(features, cap, boosters, bands, about)

    def predict(self, lives: list[Life]) -> Floats:
        """Return what is left at the last row of each life, as the mean of all folds' models."""
        rows = self._last(lives)
        return np.clip(np.mean([_of(booster, rows) for booster in self.boosters], axis=0), 0, self.cap)

    def reasons(self, lives: list[Life]) -> list[list[dict[str, Any]]]:
        """Return what each sensor adds to (or takes from) the forecast of each life, the strongest first."""
        rows = self._last(lives)
        shares = np.mean([booster.predict(rows, pred_contrib=True) for booster in self.boosters], axis=0)
        return [self._ranked(one) for one in shares]

    def _ranked(self, shares: Floats) -> list[dict[str, Any]]:
        sums: dict[str, float] = {}
        for (name, _), share in zip(self.features.labels, shares, strict=False):
            sums[name or "age"] = sums.get(name or "age", 0.0) + float(share)
        ranked = sorted(sums.items(), key=lambda item: -abs(item[1]))
        return [{"sensor": name, "adds": round(adds, 3)} for name, adds in ranked[:8]]

    def _last(self, lives: list[Life]) -> Any:
        return np.vstack([self.features.rows(life)[-1:] for life in lives])

    def state(self) -> dict[str, Any]:
        """Return everything as JSON; a booster is LightGBM's own text, which runs nothing when it is read."""
        texts = [booster.model_to_string() for booster in self.boosters]
        return {
            "features": self.features.state(),
            "cap": self.cap,
            "boosters": texts,
            "bands": self.bands.state(),
            "about": self.about,
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Boosting:
        """Be again what `state` returned."""
        boosters = [_lightgbm().Booster(model_str=text) for text in state["boosters"]]
        bands = Bands.restore(state["bands"])
        return cls(Features.restore(state["features"]), float(state["cap"]), boosters, bands, state["about"])


def _train(rows: Any, target: Floats) -> Any:
    lightgbm = _lightgbm()
    settings = dict(SETTINGS)
    settings["min_data_in_leaf"] = int(np.clip(len(target) // 250, 10, 60))
    return lightgbm.train(settings, lightgbm.Dataset(rows, target), ROUNDS)


def _of(booster: Any, rows: Any) -> Floats:
    return np.asarray(booster.predict(rows, num_threads=1), np.float64)


def _folds(lives: list[Life]) -> Ints:
    """Deal lives out by length, so that every fold has short and long ones, whatever their names and order."""
    order = np.argsort([len(life) for life in lives], kind="stable")
    fold = np.zeros(len(lives), np.int64)
    fold[order] = np.arange(len(lives)) % FOLDS
    return fold


def _about(guess: Floats, truth: Floats, owner: Ints, fold: Ints, cap: float) -> dict[str, Any]:
    """Return how good it is on unseen lives, each cut at places a plant might look: weighted so that every life counts once."""
    weight = 1 / np.bincount(owner)[owner]
    error = guess - truth
    inside = np.zeros(len(truth), np.bool_)
    for number in range(FOLDS):  # the band of a fold comes from the other folds: lives neither model nor band has seen
        mine = fold == number
        low, high = Bands.learn(guess[~mine], truth[~mine], owner[~mine], cap).of(guess[mine])
        inside[mine] = (truth[mine] >= low) & ((truth[mine] <= high) | np.isinf(high))
    late = weight * (error > 0)
    return {
        "rmse": float(np.sqrt(np.average(error**2, weights=weight))),
        "mean_error": float(np.average(np.abs(error), weights=weight)),
        "late": float(late.sum() / weight.sum()),
        "coverage": float(np.average(inside, weights=weight)),
        "folds": FOLDS,
    }
