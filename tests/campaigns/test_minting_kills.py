"""The mint queue with large numbers: thousands of proofs, a tenth of them bad, random kills, reorganisations and a killed node.

``AZORA_CAMPAIGN_SEED`` repeats a run; ``AZORA_CAMPAIGN_PROOFS`` (default 10,000), ``AZORA_CAMPAIGN_KILLS`` (default 50) and
``AZORA_CAMPAIGN_REORGS`` (default 10) say how large it is.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.faults.minted import POINTS, Minter, minted_exactly_once, write_list

SEED = int(os.environ.get("AZORA_CAMPAIGN_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
PROOFS = int(os.environ.get("AZORA_CAMPAIGN_PROOFS", "10000"))
KILLS = int(os.environ.get("AZORA_CAMPAIGN_KILLS", "50"))
REORGS = int(os.environ.get("AZORA_CAMPAIGN_REORGS", "10"))


def test_each_valid_proof_is_minted_once_whatever_is_killed_or_undone(tmp_path: Path) -> None:
    """Each good one once, each bad one never; node, queue and ledger agree to the last unit."""
    print(f"\nseed {SEED}: {PROOFS} proofs, {KILLS} kills, {REORGS} reorganisations")
    chance = random.Random(SEED)
    proofs = write_list(tmp_path / "list", PROOFS, chance)
    minter = Minter(tmp_path / "home")
    try:
        outcomes = minter.build(proofs)
        assert {line: outcomes[line] for line in proofs.refused} == proofs.refused
        height, supply = minter.height(), minter.supply()
        # A run mints two batches at most before it is killed: small enough that the last kill still meets one.
        most = max(1, min(120, len(proofs.valid) // (2 * KILLS + 2)))
        reorganised = set(chance.sample(range(KILLS), REORGS))
        restarted = chance.randrange(KILLS)
        undone = 0
        while minter.kills < KILLS:
            number = minter.kills
            if chance.random() < 0.5:
                minter("work", most, fault=f"{chance.choice(POINTS)}:1")
            else:
                minter.killed_after(chance.randrange(2), most, chance)
            assert minter.kills == number + 1, "a run ended before it could be killed: the batches are too large"
            if number in reorganised:
                before = len(list(minter.mints(height)))
                minter.reorganise(chance.randrange(1, 5))
                undone += before - len(list(minter.mints(height)))
            if number == restarted:
                minter.restart_node()
        minter("work", 120)
        print(f"{undone} mints were undone")
        minted_exactly_once(minter, proofs, height, supply)
    finally:
        minter.stop()
