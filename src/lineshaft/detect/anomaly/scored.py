"""What came out of scoring a table: a score and a reason for every row, the alerts, and which sensors and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineshaft.core import InvalidInput, iso
from lineshaft.detect.anomaly.alerts import Alert
from lineshaft.detect.anomaly.reading import Readings, moments
from lineshaft.detect.anomaly.scoring import REASONS, parts
from lineshaft.detect.detector import Floats, Ints

if TYPE_CHECKING:
    from lineshaft.detect.anomaly.model import Model


@dataclass(frozen=True, slots=True)
class Contribution:
    """One sensor's part in a row's score, with what it showed and what the others say it should have shown."""

    sensor: str
    share: float
    observed: float
    expected: float
    marginal_z: float
    residual: float

    def as_dict(self) -> dict[str, Any]:
        """Return the part as plain values."""
        return {
            "sensor": self.sensor,
            "share": self.share,
            "observed": _plain(self.observed),
            "expected": _plain(self.expected),
            "marginal_z": _plain(self.marginal_z),
            "residual": _plain(self.residual),
        }


@dataclass(slots=True)
class Scored:
    """Scores of a table's rows. Rows that could not be judged have no score (NaN) and a reason."""

    model: Model
    readings: Readings
    exceedance: Floats
    reasons: npt.NDArray[np.uint8]
    alerts: list[Alert] = field(default_factory=list[Alert])
    notes: tuple[str, ...] = ()
    """In what the table is unlike that of training: columns that are not there, words among numbers, another pace."""
    _judged: list[Ints] = field(default_factory=list[Ints])
    _drift: list[npt.NDArray[np.float32]] = field(default_factory=list[npt.NDArray[np.float32]])
    _level: list[npt.NDArray[np.float32]] = field(default_factory=list[npt.NDArray[np.float32]])

    def __len__(self) -> int:
        return len(self.readings)

    def __repr__(self) -> str:
        """Say for a notebook how many rows there are, what was made of them, the alerts, and what is odd about the table."""
        shares = ", ".join(f"{share:.1%} {name}" for name, share in self.time_in().items() if share)
        lines = [f"{len(self)} rows ({shares or 'none'}), {len(self.alerts)} alert{'' if len(self.alerts) == 1 else 's'}"]
        for one in self.alerts[:20]:
            end = iso(one.end) if one.end is not None else "now"
            lines.append(f"  {iso(one.start)} to {end}: " + ", ".join(f"{name} {share:.0%}" for name, share in one.sensors[:3]))
        return "\n".join([*lines, *(f"! {note}" for note in self.notes)])

    @property
    def times(self) -> Ints:
        """Return the rows' times in UTC nanoseconds."""
        return self.readings.times

    @property
    def score(self) -> Floats:
        """Return the score from 0 to 1 of every row; 0.5 is the threshold, NaN: not judged."""
        return self.exceedance / (1 + self.exceedance)

    @property
    def reason(self) -> npt.NDArray[np.str_]:
        """Return why: normal, anomaly, off, unknown_regime or bad_data."""
        return np.array(REASONS)[self.reasons]

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of the sensors that are judged."""
        return self.model.sensors

    def add(self, judged: Ints, drift: npt.NDArray[np.float32], level: npt.NDArray[np.float32]) -> None:
        """Keep the charts of rows that were judged."""
        self._judged.append(judged)
        self._drift.append(drift)
        self._level.append(level)

    @property
    def shares(self) -> Floats:
        """Return each sensor's share in each row (they sum to 1); NaN in rows that were not judged."""
        out = np.full((len(self), len(self.sensors)), np.nan)
        for judged, drift, level in zip(self._judged, self._drift, self._level, strict=True):
            out[judged] = shares_of(parts(drift, level, self.model.core.limits))
        return out

    def explain(self, at: Any = None) -> list[Contribution]:
        """Say which sensors made the score at a time (none: of the highest score), the largest share first.

        Observed, expected and marginal z are means over the rows the charts look back on, so that noise does not hide them.
        """
        row = self._row(at)
        drift, shares = self._charts_at(row)
        if not len(drift):
            raise InvalidInput(
                f"the row at {iso(int(self.times[row]))} was not judged: {self.reason[row]}", hint="choose another row"
            )
        columns, model = self.model.core.columns, self.model
        back = self._looked_at(row)
        rows = columns.rows(self.readings, back)
        standard = columns.standard(rows)
        wanted = model.core.detector.expected(standard) * columns.scale + columns.center
        seen = ~np.isnan(rows)
        observed, expected = _mean(rows, seen), _mean(wanted, seen)
        found = [
            Contribution(
                columns.names[column],
                float(shares[n]),
                float(observed[column]),
                float(expected[column] if seen[:, column].any() else wanted[:, column].mean()),
                float((observed[column] - columns.center[column]) / columns.scale[column]),
                float(drift[n] / model.core.limits.spread[n]),
            )
            for n, column in enumerate(columns.charted)
        ]
        return sorted(found, key=lambda one: -one.share)

    def table(self) -> pa.Table:
        """Return time, score, reason and a share per sensor as an Arrow table (`.to_pandas()` for a notebook)."""
        shares = self.shares
        columns: dict[str, Any] = {
            "time": pa.array(self.times, pa.timestamp("ns", "UTC")),
            "score": pa.array(self.score, from_pandas=True),
            "reason": pa.array(self.reason),
        }
        for place, name in enumerate(self.sensors):
            columns[f"share: {name}"] = pa.array(shares[:, place], from_pandas=True)
        return pa.table(columns)

    def time_in(self) -> dict[str, float]:
        """Return the share of rows with each reason."""
        return {name: float((self.reasons == code).mean()) if len(self) else 0.0 for code, name in enumerate(REASONS)}

    def _row(self, at: Any) -> int:
        if not len(self) or np.isnan(self.exceedance).all():
            raise InvalidInput("no row was judged", hint="see `reason` for why", code="anomaly.unjudged")
        if at is None:
            return int(np.nanargmax(self.exceedance))
        if isinstance(at, Alert):
            at = at.peak_at
        time = int(at) if isinstance(at, int | np.integer) else int(moments([at])[0])
        row = int(np.searchsorted(self.times, time, side="right")) - 1
        if row < 0:
            raise InvalidInput(f"{iso(time)} is before the table begins", code="anomaly.range")
        return row

    def _charts_at(self, row: int) -> tuple[Floats, Floats]:
        """Return a row's drifts and shares, nothing for a row that was not judged."""
        for judged, drift, level in zip(self._judged, self._drift, self._level, strict=True):
            place = int(np.searchsorted(judged, row))
            if place < len(judged) and judged[place] == row:
                weights = parts(drift[place : place + 1], level[place : place + 1], self.model.core.limits)
                return drift[place].astype(np.float64), shares_of(weights)[0]
        return np.zeros(0), np.zeros(0)

    def _looked_at(self, row: int) -> Ints:
        """Return the last judged rows, as many as the charts look back on."""
        judged = np.concatenate(self._judged)
        end = int(np.searchsorted(judged, row, side="right"))
        return judged[max(0, end - self.model.span) : end]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value


def shares_of(weights: Floats) -> Floats:
    """Return weights as shares that sum to 1 in each row."""
    total = weights.sum(axis=1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / max(weights.shape[1], 1))


def _mean(rows: Floats, seen: Any) -> Floats:
    count = seen.sum(axis=0)
    return np.where(count > 0, np.where(seen, rows, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
