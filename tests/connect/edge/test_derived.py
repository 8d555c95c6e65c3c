"""Derived tags: one value for each new value of an input, with the newest of the others; no value where one is missing."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lineshaft.connect.edge.derived import DerivedEntry, Deriver
from lineshaft.connect.edge.pipeline import PipelineEntry, Pipelines
from lineshaft.core import SAMPLES, FormulaError, Quality
from tests.connect.edge.making import COMPILE, rows, table

ENTRY = DerivedEntry(source="press", name="Energy", formula="power / rate", inputs={"power": "P", "rate": "R"})


def deriver(*entries: DerivedEntry) -> Deriver:
    return Deriver.of(entries or (ENTRY,), COMPILE)


def test_each_new_input_gives_a_value_with_the_newest_of_the_others():
    one = deriver()
    out = one.more("press", rows(("P", 0, 10.0), ("R", 1, 2), ("other", 1, 5.0), ("P", 2, 30.0), ("R", 3, 5)))
    assert out.schema == SAMPLES
    assert table(out, "Energy") == [(1, 5.0), (2, 15.0), (3, 6.0)]
    assert table(out, "P") == [(0, 10.0), (2, 30.0)]
    one.commit()
    assert table(one.more("press", rows(("P", 4, 50.0))), "Energy") == [(4, 10.0)]


def test_what_was_not_kept_is_not_remembered():
    one = deriver()
    one.more("press", rows(("P", 0, 10.0), ("R", 1, 2.0)))
    one.forget()
    assert table(one.more("press", rows(("P", 4, 50.0))), "Energy") == []


def test_a_bad_input_and_a_division_by_zero_give_no_value():
    one = deriver()
    out = one.more("press", rows(("P", 0, 10.0), ("R", 1, 0), ("R", 2, 2.0, Quality.BAD), ("P", 3, 4.0), ("R", 4, 2)))
    assert table(out, "Energy") == [(4, 2.0)]


def test_other_sources_are_left_alone():
    batch = rows(("P", 0, 10.0), ("R", 1, 2.0))
    assert deriver().more("mill", batch) is batch


def test_a_derived_tag_goes_through_the_pipelines():
    pipelines = Pipelines([PipelineEntry(tags="Energy", deadband=1.0)], deriver())
    out, filtered = pipelines.refine("press", rows(("R", 0, 1.0), ("P", 1, 5.0), ("P", 2, 5.5), ("P", 3, 9.0)))
    assert table(out, "Energy") == [(1, 5.0), (3, 9.0)]
    assert [(one.rule, one.tags, one.counts.tolist()) for one in filtered] == [("deadband", ["Energy"], [1])]


def test_yes_and_no_are_numbers():
    one = deriver(DerivedEntry(source="press", name="On", formula="if(run, p, 0)", inputs={"run": "Run", "p": "P"}))
    assert table(one.more("press", rows(("P", 0, 3.0), ("Run", 1, True), ("Run", 2, False))), "On") == [(1, 3.0), (2, 0.0)]


@pytest.mark.parametrize("formula", ["avg(power)", "power +", "pretrigger(power)", "nonsense * 2"])
def test_a_formula_that_cannot_be_is_refused_with_its_place(formula: str):
    with pytest.raises(FormulaError) as error:
        deriver(DerivedEntry(source="press", name="X", formula=formula, inputs={"power": "P"}))
    assert "press X" in error.value.where


def test_a_million_rows_are_derived_in_columns():
    count = 200_000
    batch = rows(("P", 0, 1.0), ("R", 0, 2.0))
    many = pa.Table.from_batches([batch] * (count // 2)).combine_chunks().to_batches()[0]
    assert len(table(deriver().more("press", many.slice(0, 10)), "Energy")) == 9
    assert deriver().more("press", many).num_rows == 2 * count - 1
