"""Labels somebody or something proposes for a finding: given once a person approves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from lineshaft.act.approval import Approvals
from lineshaft.core import InvalidInput, did_you_mean, now_ns, parse_duration
from lineshaft.detect import LABELS, Detect
from lineshaft.guard import Subject

LABEL = "label"
"""What the inbox calls such a proposal's task."""


class Labelling:
    """Proposals of labels, outside of any case."""

    def __init__(self, inbox: Approvals, detect: Detect, expiry: str) -> None:
        self._inbox, self._detect, self._expiry = inbox, detect, expiry

    def propose(self, tx: Connection, finding: Mapping[str, Any], label: str, by: Subject, reason: str = "") -> dict[str, Any]:
        """File what a finding is said to have turned out to be."""
        if label not in LABELS:
            raise InvalidInput(f"'{label}' is no label", hint=did_you_mean(label, LABELS), code="findings.label")
        proposal = {"finding_id": finding["id"], "asset": finding["asset"], "kind": finding["kind"], "verdict": label}
        expires = now_ns() + parse_duration(self._expiry)
        what = f"Label {finding['kind']} at {finding['asset']}: {label}"
        made = self._inbox.file(tx, what[:300], {**proposal, "reason": reason[:1000]}, by.id, expires, None, LABEL)
        return self._inbox.get(made, tx)

    def decided(self, tx: Connection, row: Mapping[str, Any], approved: bool, by: Subject) -> None:
        """Give the label a person approved."""
        if approved:
            self._detect.label(tx, row["proposal"]["finding_id"], row["proposal"]["verdict"], by)
