"""Labels as files: those of Lookout for Equipment, those of a spreadsheet, and ours as they were written."""

from __future__ import annotations

import json

import pytest

from lineshaft.core import InvalidInput, iso
from lineshaft.detect import read_labels, write_labels

PUMP = "Site/Pump"


def told(text: str, asset: str = PUMP, zone: str = "UTC"):
    return [(one.asset, iso(one.start), iso(one.end), one.kind, one.code) for one in read_labels(text, asset, zone)]


def test_two_columns_without_a_heading():
    text = "2020-02-01T20:00:00.000000,2020-02-03T00:00:00.000000\n1/2/2020 0:05,2020/1/7 0:05\n"
    assert told(text) == [
        (PUMP, "2020-02-01T20:00:00Z", "2020-02-03T00:00:00Z", "anomaly", ""),
        (PUMP, "2020-01-02T00:05:00Z", "2020-01-07T00:05:00Z", "anomaly", ""),
    ]


def test_a_time_without_a_zone_is_of_the_zone_that_is_named_and_none_is_guessed():
    text = "2020-07-01 08:00:00,2020-12-01 08:00:00\n"
    assert told(text, zone="Europe/Berlin")[0][1:3] == ("2020-07-01T06:00:00Z", "2020-12-01T07:00:00Z")
    with pytest.raises(InvalidInput, match="has no time zone") as refused:
        told(text, zone="")
    assert refused.value.code == "labels.zone"
    with pytest.raises(InvalidInput, match="not a time zone"):
        told(text, zone="Mars/Base")


def test_what_list_labels_answers_is_read():
    items = [
        {"StartTime": 1580587200.5, "EndTime": 1580601600.0, "Rating": "ANOMALY", "FaultCode": "BRG", "Equipment": "Site/Fan"},
        {"StartTime": "2020-03-01T00:00:00+01:00", "EndTime": "2020-03-02T00:00:00+01:00", "Rating": "NO_ANOMALY"},
    ]
    rows = told(json.dumps({"LabelSummaries": items, "NextToken": "x"}), zone="")
    assert rows[0] == (PUMP, "2020-02-01T20:00:00.5Z", "2020-02-02T00:00:00Z", "anomaly", "BRG"), "the asset that is named counts"
    assert rows[1][1:4] == ("2020-02-29T23:00:00Z", "2020-03-01T23:00:00Z", "normal")
    assert told(json.dumps(items[:1]), asset="", zone="")[0][0] == "Site/Fan"


def test_a_heading_names_the_columns_and_what_is_written_is_read_again():
    text = "Fault Code;End Time;Start Time;Rating\nVIB;2020-03-02T00:00:00Z;2020-03-01T00:00:00Z;neutral\n"
    assert told(text, zone="")[0] == (PUMP, "2020-03-01T00:00:00Z", "2020-03-02T00:00:00Z", "neutral", "VIB")
    said = read_labels(text, PUMP)
    rows = [
        {"asset": one.asset, "start": one.start, "end": one.end, "kind": one.kind, "code": "=1+1", "note": "a,b"} for one in said
    ]
    written = write_labels(rows)
    assert "'=1+1" in written, "no spreadsheet takes it for a formula"
    (again,) = read_labels(written)
    assert (again.asset, again.start, again.end, again.kind, again.note) == (PUMP, said[0].start, said[0].end, "neutral", "a,b")


@pytest.mark.parametrize(
    ("text", "asset", "match"),
    [
        ("", PUMP, "no labels"),
        ("2020-03-02T00:00:00Z,2020-03-01T00:00:00Z", PUMP, "ends before"),
        ("2020-03-01T00:00:00Z,2020-03-02T00:00:00Z,maybe", PUMP, "'maybe' is no kind"),
        ("2020-03-01T00:00:00Z,soon", PUMP, "'soon' is not a time"),
        ("2020-03-01T00:00:00Z,2020-03-02T00:00:00Z", "", "whose label"),
        ("from,until\n1,2", PUMP, "no column is called 'start'"),
        ('{"Items": []}', PUMP, "these are no labels"),
        ("[1]", PUMP, "these are no labels"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, asset, match):
    with pytest.raises(InvalidInput, match=match) as refused:
        read_labels(text, asset)
    assert refused.value.where
