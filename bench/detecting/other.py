"""Other detectors on the same rows, in a process and an environment of their own: `python other.py NAME IN.npz OUT.npz`.

IN holds `train` and a number of tables; OUT gets a score a row for each of them, and the seconds of fitting and scoring.
No module of ours is imported here, and ours imports none of these.
"""

from __future__ import annotations

import sys
import time

import numpy as np


class PcaT2Spe:
    """The textbook chart of process control: Hotelling's T-squared within the components, squared error outside."""

    def fit(self, rows: np.ndarray) -> None:
        self.mean, self.scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
        standard = (rows - self.mean) / self.scale
        values, vectors = np.linalg.eigh(np.cov(standard.T))
        order = np.argsort(-values)
        values, vectors = np.maximum(values[order], 1e-9), vectors[:, order]
        kept = int(np.searchsorted(np.cumsum(values) / values.sum(), 0.95)) + 1
        self.vectors, self.values = vectors[:, :kept], values[:kept]
        t2, spe = self.charts(rows)
        self.limits = np.quantile(t2, 0.99), max(float(np.quantile(spe, 0.99)), 1e-12)

    def charts(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        standard = (rows - self.mean) / self.scale
        within = standard @ self.vectors
        return (within**2 / self.values).sum(axis=1), ((standard - within @ self.vectors.T) ** 2).sum(axis=1)

    def score(self, rows: np.ndarray) -> np.ndarray:
        t2, spe = self.charts(rows)
        return np.maximum(t2 / self.limits[0], spe / self.limits[1])


class Pyod:
    """A detector of PyOD, fed standardised rows."""

    def __init__(self, name: str) -> None:
        from pyod.models.ecod import ECOD
        from pyod.models.knn import KNN

        self.model = {"PyOD KNN": KNN, "PyOD ECOD": ECOD}[name]()

    def fit(self, rows: np.ndarray) -> None:
        self.mean, self.scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
        self.model.fit((rows - self.mean) / self.scale)

    def score(self, rows: np.ndarray) -> np.ndarray:
        return self.model.decision_function((rows - self.mean) / self.scale)


class SklearnForest:
    """Isolation Forest of scikit-learn."""

    def fit(self, rows: np.ndarray) -> None:
        from sklearn.ensemble import IsolationForest

        self.model = IsolationForest(n_estimators=100, random_state=0).fit(rows)

    def score(self, rows: np.ndarray) -> np.ndarray:
        return -self.model.score_samples(rows)


def main() -> None:
    """Fit, score, write."""
    name, given, wanted = sys.argv[1:4]
    made = {"PCA T2/SPE": PcaT2Spe, "Isolation Forest": SklearnForest}
    with np.load(given) as tables:
        fitting, out = 0.0, {}
        trains = sorted(key for key in tables.files if key.startswith("train"))
        scoring, count = 0.0, 0
        for train in trains:
            detector = made[name]() if name in made else Pyod(name)
            begin = time.process_time()
            detector.fit(tables[train])
            fitting += time.process_time() - begin
            for key in tables.files:
                if key.startswith(f"table{train[5:]}"):
                    begin = time.process_time()
                    out[key] = detector.score(tables[key])
                    scoring, count = scoring + time.process_time() - begin, count + len(tables[key])
    np.savez(wanted, seconds=np.array([fitting, scoring, count]), **out)


if __name__ == "__main__":
    main()
