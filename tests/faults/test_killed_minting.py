"""Three hundred proofs, a tenth of them bad, a console killed five times, a chain that goes back: each good one is minted once."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.minted import Minter, minted_exactly_once, write_list

pytestmark = [pytest.mark.node, pytest.mark.compiler, pytest.mark.bus]
SEED = int(os.environ.get("AZORA_FAULT_SEED", "918"))
MOST = 45  # proofs in a batch: six batches, so that every kill meets one


@pytest.fixture
def minter(tmp_path: Path) -> Iterator[Minter]:
    """A console with a home of its own."""
    found = Minter(tmp_path / "home")
    yield found
    found.stop()


def test_each_valid_proof_is_minted_once_through_five_kills_and_a_reorganisation(minter: Minter, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    proofs = write_list(tmp_path / "list", 300, chance)
    outcomes = minter.build(proofs)
    assert {line: outcomes[line] for line in proofs.refused} == proofs.refused
    height, supply = minter.height(), minter.supply()
    for fault in ("mining.attest.claimed:1", "chain.transaction.signed:1", "chain.transaction.sent:1"):
        minter("work", MOST, fault=fault)
    before = len(list(minter.mints(height)))
    minter.reorganise(3)
    assert len(list(minter.mints(height))) < before  # it undid mints
    minter("work", MOST, fault="mining.settled:2")
    minter.killed_after(1, MOST, chance)
    assert minter.kills == 5
    minter("work", MOST)
    minted_exactly_once(minter, proofs, height, supply)
