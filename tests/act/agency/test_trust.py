"""Earned autonomy: reached by agreement, lost by itself."""

from __future__ import annotations

import pytest

from lineshaft.act.agency import MIGRATIONS, tables, wilson
from lineshaft.act.agency.trust import DAY, Trust
from lineshaft.core import Database, InvalidInput, NotFound, new_id, now_ns

RUN = {"id": "r", "agent": "buyer", "process": "maintenance", "task": "replenish", "case_id": None, "fingerprint": "f1"}
HERE = ("buyer", "maintenance", "replenish")


@pytest.fixture
def trust(database: Database):
    database.migrate({"act": MIGRATIONS})
    return Trust(database)


def judge(trust, times, decision="approve", edited=(), fingerprint="f1"):
    said = ""
    for _ in range(times):
        with trust._db.begin() as tx:
            approval = {"id": new_id(), "edited_by": list(edited)}
            said = trust.judged(tx, {**RUN, "fingerprint": fingerprint}, approval, decision, "bert") or said
    return said


def state(trust):
    return trust.list("buyer")[0]


def alone(trust, fingerprint="f1"):
    with trust._db.begin() as tx:
        return trust.may_alone(tx, *HERE, fingerprint)


def allow(trust, **values):
    with trust._db.begin() as tx:
        trust.allow(tx, *HERE, **{"level": 0.8, "least": 20, **values})


@pytest.mark.parametrize(("agreed", "count", "lower"), [(20, 20, 0.839), (50, 50, 0.929), (73, 73, 0.950), (98, 100, 0.930)])
def test_wilson_as_published(agreed, count, lower):
    assert wilson(agreed, count) == pytest.approx(lower, abs=5e-4)
    assert wilson(agreed, count, 0.99) < wilson(agreed, count, 0.9)


def test_73_straight_agreements_reach_95_percent_and_72_do_not():
    assert wilson(72, 72) < 0.95 <= wilson(73, 73)


def test_nothing_is_delegated_that_nobody_allowed(trust):
    judge(trust, 100)
    assert not alone(trust)


def test_a_task_is_delegated_when_the_lower_bound_reaches_the_level_and_not_before(trust):
    allow(trust, level=0.83)
    assert judge(trust, 19) == ""
    assert (state(trust)["state"], state(trust)["count"]) == ("earning", 19)
    assert judge(trust, 1) == "delegated"  # 20 of 20: at least .839
    assert state(trust)["why"] == "20 of 20 agreed, at least 0.839 at 0.95"


def test_the_least_number_holds_however_good_the_share(trust):
    allow(trust, level=0.5, least=30)
    judge(trust, 29)
    assert state(trust)["state"] == "earning"
    assert judge(trust, 1) == "delegated"


@pytest.mark.parametrize(("decision", "edited"), [("reject", ()), ("edit", ("carl",))])
def test_one_disagreement_takes_it_back_and_all_is_earned_anew(trust, decision, edited):
    allow(trust)
    judge(trust, 20)
    assert alone(trust)
    assert judge(trust, 1, decision, edited) == "fallen back"
    assert not alone(trust)
    assert state(trust)["count"] == 0
    judge(trust, 19)
    assert not alone(trust)
    assert judge(trust, 1) == "delegated"


def test_an_edit_counts_as_disagreement_although_somebody_approves_it_later(trust):
    allow(trust, level=0.5, least=5)
    with trust._db.begin() as tx:
        trust.judged(tx, RUN, {"id": "a", "edited_by": ["bert"]}, "edit", "bert")
        trust.judged(tx, RUN, {"id": "a", "edited_by": ["bert"]}, "approve", "carl")
    assert (state(trust)["count"], state(trust)["agreed"]) == (1, 0)


def test_another_model_or_other_words_take_it_back(trust):
    allow(trust)
    judge(trust, 20)
    assert not alone(trust, "f2")
    row = state(trust)
    assert (row["state"], row["why"], row["count"]) == ("earning", "its model, words or tools changed", 0)


def test_old_verdicts_count_no_more(trust):
    allow(trust, age_ns=30 * DAY)
    judge(trust, 20)
    with trust._db.begin() as tx:
        tx.execute(tables.verdicts.update().values(at=now_ns() - 31 * DAY))
    assert not alone(trust)
    assert "too old" in state(trust)["why"]


def test_every_so_many_deeds_a_person_looks_nevertheless(trust):
    allow(trust, check_every=4)
    judge(trust, 20)
    assert [alone(trust) for _ in range(8)] == [True, True, True, False] * 2


def test_an_objection_to_what_was_done_alone_takes_it_back(trust):
    allow(trust)
    judge(trust, 20)
    with trust._db.begin() as tx:
        assert trust.objected(tx, RUN, "bert") == "fallen back"


@pytest.mark.parametrize("values", [{"level": 1.0}, {"level": 0.2}, {"confidence": 0.1}, {"least": 1}, {"check_every": 1}])
def test_trust_that_is_not_earned_is_refused(trust, values):
    with pytest.raises(InvalidInput):
        allow(trust, **values)


def test_taking_the_permission_away_takes_the_task_away(trust):
    allow(trust)
    judge(trust, 20)
    with trust._db.begin() as tx:
        trust.forbid(tx, *HERE)
    assert not alone(trust)
    with trust._db.begin() as tx, pytest.raises(NotFound):
        trust.forbid(tx, *HERE)
