"""The transaction of a mint: built from the attester's stored signatures, and closing its rows when it is in a block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.chain.transactions import TransactionRequest, TransactionStep
from app.mining.minting import Minting, gas_limit_for, mint_data
from app.mining.planned import proofs_of
from app.operations.plans import Plan, StepSpec, listed
from app.operations.steps import Outcome, StepContext

if TYPE_CHECKING:
    from app.chain import Transactions


class MintStep(TransactionStep):
    """A transaction step whose call data waits for the signatures of the step before it."""

    def __init__(self, transactions: Transactions, plan: Plan, spec: StepSpec, minting: Minting) -> None:
        super().__init__(transactions, plan, spec)
        self._minting = minting

    async def request(self, context: StepContext) -> TransactionRequest:
        """``mint`` or ``mintBatch`` with the proofs of the plan and the signatures that the attest step stored."""
        lists = listed(context.results[context.index - 1], "signatures", object)
        # Plans of earlier versions carry one signature per proof, not a list.
        by_proof = [each if isinstance(each, list) else [each] for each in lists]
        signatures = [[bytes.fromhex(str(one)[2:]) for one in each] for each in by_proof]
        data = mint_data(proofs_of(context.plan), signatures)
        return TransactionRequest(
            to=str(context.plan.params["mint_mine"]), value=0, data=data, gas_limit=gas_limit_for(context.plan)
        )

    async def committed(self, outcome: Outcome, context: StepContext) -> None:
        """Each row follows its own event: minted, or back to a person with the contract's reason."""
        await super().committed(outcome, context)
        result: Mapping[str, Any] = outcome.result
        if not outcome.failure:
            await self._minting.settle(context.plan, result["logs"], str(result["hash"]), int(result["block"]))
