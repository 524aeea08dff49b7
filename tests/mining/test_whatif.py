"""A what-if obeys the contracts' own rules, whatever is asked: it is their code that runs."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contracts.compiler import Compiler
from app.contracts.toolchain import Toolchain
from app.core.errors import Invalid
from app.core.evidence import EvidenceKind, EvidenceStatus
from app.mining.whatif import Question, answer

pytestmark = pytest.mark.compiler
AZR = 10**18


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    async def work():
        compiler = Compiler(Toolchain(), tmp_path_factory.mktemp("cache"))
        try:
            return await compiler.compile()
        finally:
            await compiler.close()

    return asyncio.run(work())


amounts = st.integers(1, 5_000 * AZR)
questions = st.builds(
    Question,
    epochs=st.integers(1, 4),
    epoch_length=st.integers(1, 10**7),
    epoch_budget=amounts,
    supply=st.integers(0, 1000 * AZR),
    proofs=st.integers(0, 4),
    reward=amounts,
    burn_rate=st.integers(0, 10_000),
    solutions=st.integers(0, 4),
    work_reward=amounts,
    solutions_per_era=st.integers(1, 5),
    cap=st.integers(1000 * AZR, 20_000 * AZR),
)


@settings(max_examples=25, deadline=None)
@given(question=questions)
def test_whatever_is_tried_nothing_appears_or_vanishes_and_no_bound_is_passed(built, question):
    told = answer(question, built)
    supply, mined = question.supply, 0
    for row in told.rows:
        minted = row.minted_value + row.minted_work
        assert row.supply == supply + minted - row.burned <= question.cap
        assert minted <= question.epoch_budget and row.budget_left <= question.epoch_budget - minted
        assert row.burned <= row.minted_value
        events = question.proofs + question.solutions
        assert sum(row.refused.values()) <= events
        supply, mined = row.supply, mined + row.minted_work
    assert told.minted - told.burned == supply - question.supply
    # Halving bounds what work can ever mint: solutions_per_era × reward × 2.
    assert mined <= 2 * question.solutions_per_era * question.work_reward


def test_rewards_halve_and_burns_free_room_under_the_cap(built):
    told = answer(
        Question(
            6,
            3600,
            10_000 * AZR,
            solutions=2,
            work_reward=100 * AZR,
            solutions_per_era=4,
            proofs=1,
            reward=400 * AZR,
            burn_rate=2500,
        ),
        built,
    )
    assert [row.minted_work // AZR for row in told.rows] == [200, 200, 100, 100, 50, 50]
    assert [row.work_reward // AZR for row in told.rows] == [100, 50, 50, 25, 25, 12]
    assert {row.burned for row in told.rows} == {100 * AZR}


def test_a_cap_of_another_size_is_the_contracts_own_check(built):
    told = answer(Question(3, 3600, 1000 * AZR, supply=500 * AZR, proofs=2, reward=400 * AZR, cap=2000 * AZR), built)
    assert [row.supply // AZR for row in told.rows] == [1300, 1700, 1700]
    assert told.full_at == 1 and told.rows[2].refused == {"ERC20ExceededCap": 2}
    assert answer(Question(1, 3600, 1000 * AZR, proofs=1, reward=1), built).full_at is None


def test_the_same_question_has_the_same_answer_and_names_the_code_that_ran(built):
    question = Question(2, 60, 100 * AZR, proofs=2, reward=30 * AZR)
    one, two = answer(question, built), answer(question, built)
    assert one.rows == two.rows and one.evidence.digest == two.evidence.digest
    assert (one.evidence.kind, one.evidence.status) == (EvidenceKind.SIMULATION, EvidenceStatus.CLAIMED)
    assert answer(Question(2, 61, 100 * AZR, proofs=2, reward=30 * AZR), built).evidence.digest != one.evidence.digest


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"epochs": 0}, "epochs"), ({"epochs": 5001}, "epochs"), ({"epochs": 5000, "proofs": 5, "reward": 1}, "epochs"),
        ({"epoch_length": 0}, "epoch_length"), ({"epoch_budget": 0}, "epoch_budget"), ({"supply": 10**27 + 1}, "supply"),
        ({"burn_rate": 10_001}, "burn_rate"), ({"proofs": 1, "reward": 0}, "reward"), ({"solutions": -1}, "proofs"),
        ({"solutions": 1}, "work_reward"), ({"solutions_per_era": 0}, "solutions_per_era"), ({"cap": 1 << 96}, "cap"),
    ],
)  # fmt: skip
def test_a_question_without_an_answer_is_refused_at_its_field(values, field):
    with pytest.raises(Invalid, match="Nothing was tried") as caught:
        Question(**{"epochs": 1, "epoch_length": 60, "epoch_budget": AZR, **values})
    assert caught.value.field == field
