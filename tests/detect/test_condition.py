from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.detect.condition import OPERATORS, Condition, begins_ends, limits, walk


def plain(operator, limit, deadband, delays, rows):
    """The same, one row at a time and with no arrays: what the rule says, in words."""
    active, raw, since, changes = False, False, None, []
    for ts, value in rows:
        if since is not None and ts >= since + delays[active]:
            changes.append((since + delays[active], not active))
            active, since = not active, None
        if operator in ("==", "!="):
            raw = (value == limit) == (operator == "==")
        else:
            over = value - limit if operator in (">", ">=") else limit - value
            if over > 0 or (over == 0 and "=" in operator):
                raw = True
            elif over < -deadband or (over == -deadband and "=" not in operator):
                raw = False
        if raw == active:
            since = None
        elif since is None:
            since = ts
        if since is not None and ts >= since + delays[active]:
            changes.append((since + delays[active], not active))
            active, since = not active, None
    return changes


rows = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6)), max_size=40)


@given(
    st.sampled_from(OPERATORS),
    st.integers(0, 2),
    st.tuples(st.integers(0, 5), st.integers(0, 5)),
    rows,
    st.lists(st.integers(1, 7)),
)
def test_arrays_say_what_the_rule_says_in_one_piece_or_in_many(operator, deadband, delays, steps, cuts):
    ts = np.cumsum([step for step, _ in steps], dtype=np.int64)
    value = np.array([float(v) for _, v in steps])
    rule = limits(operator, 3.0, float(deadband))
    want = plain(operator, 3.0, float(deadband), delays, zip(ts.tolist(), value.tolist(), strict=True))
    state, whole = walk(Condition(), rule, delays, ts, value)
    assert [(c.at, c.active) for c in whole] == want
    pieces, here = Condition(), 0
    found = []
    for cut in [*cuts, len(ts)]:
        pieces, some = walk(pieces, rule, delays, ts[here : here + cut], value[here : here + cut])
        found += some
        here += cut
    if here >= len(ts):
        assert [(c.at, c.active) for c in found] == want
        assert pieces == state


@pytest.mark.parametrize(
    ("operator", "value", "begins", "ends"),
    [
        (">", 7.2, True, False), (">", 7.1, False, False), (">", 6.6, False, True), (">=", 7.1, True, False),
        (">=", 6.6, False, False), ("<", 7.0, True, False), ("<", 7.6, False, True), ("<=", 7.1, True, False),
        ("==", 7.1, True, False), ("==", 7.0, False, True), ("!=", 7.1, False, True), ("!=", 7.0, True, False),
    ],
)  # fmt: skip
def test_limits_and_deadband(operator, value, begins, ends):
    found = begins_ends(limits(operator, 7.1, 0.5), np.array([value]))
    assert (bool(found[0][0]), bool(found[1][0])) == (begins, ends)
