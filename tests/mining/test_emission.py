"""The emission's figures are the ledger's, by source, epoch, era and contributor, and add up to the supply to the last unit."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit.verifier import checksum_address
from app.core.events import Bus
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from app.ledger import BurnRow, MintRow, Movements
from app.mining.emission import Clock, Emissions, Fold
from app.mining.queue import Queue
from tests.ledger.conftest import books, compiled, solc, world

__all__ = ["books", "compiled", "solc", "world"]

AZR = 10**18
MINE, REDEMPTION = "0x" + "aa" * 20, "0x" + "bb" * 20
ECONOMY = SimpleNamespace(mint_mine=MINE, redemption=REDEMPTION, token_symbol="AZR", decimals=18)
WHO = ["0x" + f"{n:02x}" * 20 for n in range(1, 4)]
EVIDENCE = Evidence(EvidenceKind.ROW, "9", status=EvidenceStatus.COMPLETE, blocks=(0, 9))
rows = st.lists(
    st.builds(
        MintRow, st.integers(0, 9), st.integers(1_000, 2_000), st.sampled_from(["value", "work", "other"]), st.sampled_from(WHO),
        st.integers(1, 2**200), st.just(0), st.sampled_from(["0x" + "11" * 32, "0x" + "22" * 32]),
    ),
    max_size=30,
)  # fmt: skip


@given(rows, st.integers(1, 400))
def test_every_way_of_dividing_adds_up_to_what_was_minted(mints, length):
    fold = Fold(Movements(9, tuple(mints), (), EVIDENCE), ECONOMY)
    clock = Clock(1_000, length, (1_500 - 1_000) // length, 0, ((900, 5 * AZR),))
    total = sum(row.amount for row in mints)
    epochs = fold.epochs(clock, EVIDENCE)
    for parts in (fold.sources(), fold.contributors()):
        assert sum(part.amount.value for part in parts) == total and sum(part.count for part in parts) == len(mints)
    assert sum(row.minted.value for row in epochs) == sum(row.value + row.work + row.other for row in epochs) == total
    assert [row.epoch for row in epochs if row.current] == [clock.epoch]
    assert all(row.start <= mint.time < row.end for row in epochs for mint in mints if clock.at(mint.time) == row.epoch)
    by_activity = fold.activities({"0x" + "11" * 32: ("code-review", "Code review")})
    assert sum(share.amount.value for share in by_activity) == sum(row.amount for row in mints if row.source == "value")
    assert {share.id for share in by_activity} <= {"code-review", ""}


def test_an_era_is_one_reward_of_proof_of_work():
    mints = [MintRow(n, 1_000 + n, "work", WHO[0], 50 * AZR >> n // 2, 0, "0x" + f"{n:02x}" * 32) for n in range(5)]
    eras = Fold(Movements(9, tuple(mints), (), EVIDENCE), ECONOMY).eras()
    assert [(row.era, row.solutions, row.reward) for row in eras] == [(0, 2, 50 * AZR), (1, 2, 25 * AZR), (2, 1, 25 * AZR // 2)]
    assert eras[0].minted.evidence == (EVIDENCE,) and (eras[1].first_block, eras[1].last_block) == (2, 3)


def test_a_burn_is_told_by_who_held_what_was_burned():
    burns = [BurnRow(1, 1_000, who, amount) for who, amount in ((MINE, 3), (REDEMPTION, 5), (WHO[0], 7), (WHO[1], 11))]
    told = Fold(Movements(9, (), tuple(burns), EVIDENCE), ECONOMY).burned()
    assert {share.id: (share.count, share.amount.value) for share in told} == {
        "mint": (1, 3),
        "redemption": (1, 5),
        "holder": (2, 18),
    }


def test_the_budget_of_an_epoch_is_the_last_set_before_it_ended():
    clock = Clock(1_000, 100, 3, 0, ((900, 10), (1_150, 20), (1_199, 30), (1_300, 40)))
    assert [clock.budget(epoch) for epoch in range(4)] == [10, 30, 30, 40]


@pytest.mark.node
@pytest.mark.compiler
def test_a_real_chain_is_told_against_its_cap_and_its_epoch(world, books):
    alice, bob = world.people[:2]
    for who, amount in ((alice, 70), (bob, 30), (alice, 5)):
        world.node.done(world.mint(who, amount * AZR))
    world.node.done(world.burn(bob, 7))
    here = books()

    async def story(ledger):
        await ledger.index("here")
        networks, store = ledger._networks, ledger._database

        async def economy(_key):
            return world.economy

        return await Emissions(networks, Queue(store, Bus()), lambda: ledger, economy).report("here")

    told = here(story)
    assert (told.supply.minted.value, told.supply.burned.value, told.supply.supply.value) == (105 * AZR, 7, 105 * AZR - 7)
    assert told.room.value == told.supply.cap.value - 105 * AZR + 7
    assert [(share.id, share.count, share.amount.value) for share in told.sources] == [("value", 3, 105 * AZR), ("work", 0, 0)]
    assert [(share.id, share.amount.value) for share in told.contributors] == [
        (checksum_address(alice), 75 * AZR),
        (checksum_address(bob), 30 * AZR),
    ]
    assert [(share.label, share.amount.value) for share in told.activities] == [("Not in this queue", 105 * AZR)]
    assert [(row.epoch, row.minted.value, row.budget.value, row.current) for row in told.epochs] == [(0, 105 * AZR, 10**27, True)]
    assert told.left_in_epoch.value == 10**27 - 105 * AZR or told.left_in_epoch.value == told.room.value
    assert told.sources[0].amount.evidence[0].status is EvidenceStatus.COMPLETE
    assert told.left_in_epoch.evidence[0].status is EvidenceStatus.CLAIMED
