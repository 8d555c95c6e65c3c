"""What is to be thought of a trained version: good, poor or not proven, in words a plant can check; why one takes over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GOOD, POOR, UNPROVEN = "good", "poor", "unproven"
DAYS = 14.0
"""With fewer days of running behind it, a threshold has hardly seen what is usual."""
HALF = 0.5
MONTH = 30.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the backtest of a version says of it, and why."""

    quality: str
    why: list[str] = field(default_factory=list[str])


def verdict(backtest: Mapping[str, Any], settings: Mapping[str, Any]) -> Verdict | None:
    """Judge a version by its backtest: what it found, its false alarms against the budget, how much it could judge.

    Without labels nobody can say what it finds: it is unproven, unless it is poor already.
    """
    if "alerts" not in backtest:
        return None
    days, wrong = float(backtest["days"]), int(backtest["false_alarms"])
    allowed = max(1.0, float(settings.get("false_alarms", 1.0)) * days / MONTH)
    unseen = sum(backtest["time_in"].get(name, 0.0) for name in ("unknown_regime", "bad_data"))
    anomalies, found = int(backtest["anomalies"]), int(backtest["found"])
    poor: list[str] = []
    if anomalies and found < HALF * anomalies:
        poor.append(f"only {found} of {anomalies} labelled anomalies found")
    if wrong > allowed:
        poor.append(f"false alarms: {wrong} in {days:.0f} days of running, at most {allowed:.0f} may be")
    if unseen > HALF:
        poor.append(f"{unseen:.0%} of the time could not be judged")
    if poor:
        return Verdict(POOR, poor)
    open_: list[str] = []
    if not anomalies:
        open_.append("no labelled anomaly to prove it on: label a known fault, then try it over that time")
    if days < DAYS:
        open_.append(f"only {days:.1f} days of running behind it")
    good = [f"{found} of {anomalies} labelled anomalies found"] if anomalies else []
    good.append(f"false alarms: {wrong} in {days:.0f} days of running")
    return Verdict(UNPROVEN if open_ else GOOD, [*open_, *good])


def takes_over(backtest: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[bool, str]:
    """Say whether a version is no worse than the active one on the same rows, and in words why; the first must not be poor."""
    rival = backtest.get("rival")
    if rival is None:
        alone = verdict(backtest, settings)
        poor = alone is not None and alone.quality == POOR
        return not poor, "it is poor: a person decides" if poor else "no other version was active"
    found = f"labelled anomalies found: {backtest['found']}, the active version {rival['found']}"
    wrong = f"false alarms: {backtest['false_alarms']}, the active version {rival['false_alarms']}"
    better = backtest["found"] >= rival["found"] and backtest["false_alarms"] <= rival["false_alarms"]
    return better, f"{found}; {wrong}"
