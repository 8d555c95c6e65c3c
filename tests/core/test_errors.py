from __future__ import annotations

import pytest

from lineshaft.core import ConfigError, FormulaError, LineshaftError, NotFound, did_you_mean


def test_an_error_is_a_sentence_with_place_and_mending():
    error = ConfigError("there is no section [stor]", where="settings.toml", hint="did you mean 'store'?")
    assert str(error) == "settings.toml: there is no section [stor] - did you mean 'store'?"
    assert error.code == "config.invalid"


def test_a_code_can_be_more_exact():
    assert NotFound("x", code="property.unknown").code == "property.unknown"
    assert NotFound.code == "not-found"


def test_a_formula_error_knows_its_position():
    error = FormulaError("a number is expected", position=7)
    assert (error.position, error.details) == (7, {"position": 7})
    assert isinstance(error, LineshaftError)


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [("vibratoin", ["vibration", "flow"], "did you mean 'vibration'?"), ("zzz", ["b", "a"], "known are: a, b"), ("x", [], "")],
)
def test_the_nearest_word_is_offered(word, known, said):
    assert did_you_mean(word, known) == said
