"""Contracts at addresses that no nonce changes: CREATE2 (EIP-1014) by the deterministic deployer.

The deployer (github.com/Arachnid/deterministic-deployment-proxy) stands at one address on nearly every chain, because its creation
was signed once, before EIP-155, with a signature that was made up: the same bytes are good on every chain as soon as their signer
holds what their gas costs. A local chain without it gets it as part of a plan; elsewhere the preview says what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from app.chain.hashing import checksum_address, keccak256
from app.chain.queue import Signed, TransactionState, transaction_hash
from app.chain.simulation import CallRequest
from app.chain.transactions import TransactionRequest, TransactionStep
from app.operations.plans import Plan, StepSpec, Verdict, VerdictLevel
from app.operations.steps import Happened, Outcome, StepContext

if TYPE_CHECKING:
    from app.chain import Chain, Transactions

PUT = "contracts.put_deployer"
NOT_MADE = "no deterministic deployer is there, so calling it would make nothing"
DEPLOYER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
SIGNER = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
COST = 10**16  # wei: 100,000 gas at 100 gwei, as the presigned transaction says
CODE = (
    "0x604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
    "03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
PRESIGNED = "0xf8a58085174876e800830186a08080b853" + CODE[2:] + "1ba0" + "22" * 32 + "a0" + "22" * 32


def address_of(salt: str, code: str) -> str:
    """Where the deployer makes a contract: of 32 bytes and creation code with its arguments, both ``0x…``."""
    made_of = b"\xff" + bytes.fromhex(DEPLOYER[2:] + salt[2:]) + keccak256(bytes.fromhex(code[2:]))
    return checksum_address(keccak256(made_of)[12:])


def creation_request(salt: str, code: str, value: int = 0) -> TransactionRequest:
    """The transaction that creates a contract: to the deployer with a salt, without one a plain creation."""
    return TransactionRequest(DEPLOYER, value, salt + code[2:]) if salt else TransactionRequest(None, value, code)


async def is_there(chain: Chain) -> bool:
    """Whether the chain has the deployer."""
    return await code_at(chain, DEPLOYER) != "0x"


async def code_at(chain: Chain, address: str) -> str:
    """The code at an address now; ``0x`` where there is none."""
    return str(await chain.rpc.call("eth_getCode", address, "latest") or "0x")


async def deployer_steps(chain: Chain, sender: str, transactions: Transactions) -> list[StepSpec]:
    """What puts the deployer on a local chain that lacks it; nothing where it is, or where that is not ours to do."""
    if chain.network.environment != "local" or await is_there(chain):
        return []
    held = int(str(await chain.rpc.call("eth_getBalance", SIGNER, "latest")), 16)
    title = "Give the deterministic deployer's signer what its gas costs"
    fund = [transactions.step(chain.network, sender, SIGNER, "0x", COST - held, title)] if held < COST else []
    params = {"network": chain.network.key.text, "sender": SIGNER}
    return [*fund, StepSpec(PUT, "Put the deterministic deployer", params)]


def deployer_calls(plan: Plan, sender: str) -> list[CallRequest]:
    """The same for a simulation, in the order of the plan."""
    found = []
    for step in plan.steps:
        if step.spec.kind == PUT:
            found.append(CallRequest(SIGNER, None, CODE, 0, step.spec.title))
        elif step.spec.params.get("to") == SIGNER:
            found.append(CallRequest(sender, SIGNER, "0x", int(str(step.spec.params["value"])), step.spec.title))
    return found


def lacking(verdicts: Sequence[Verdict]) -> str:
    """Why a simulation that succeeded means nothing: a call of a deployer that is not there fails nothing. Empty where it does."""
    missing = any(each.rule == "contracts.deployer" and each.level is VerdictLevel.BLOCK for each in verdicts)
    return NOT_MADE if missing else ""


async def deployer_verdicts(chain: Chain, plan: Plan) -> list[Verdict]:
    """Whether a plan with salts finds the deployer, or brings it."""
    if any(step.spec.kind == PUT for step in plan.steps):
        text = f"{chain.network.name} has no deterministic deployer yet; this plan puts it at {DEPLOYER} first"
        return [Verdict("contracts.deployer", VerdictLevel.NOTE, text, "Its creation was signed once, for every chain.")]
    if await is_there(chain):
        return []
    return [
        Verdict(
            "contracts.deployer",
            VerdictLevel.BLOCK,
            f"{chain.network.name} has no deterministic deployer at {DEPLOYER}, which CREATE2 needs here",
            f"Send 0.01 {chain.network.symbol} to {SIGNER}, then broadcast the presigned transaction of "
            "github.com/Arachnid/deterministic-deployment-proxy; or deploy without a salt.",
        )
    ]


async def salted_verdicts(chain: Chain, plan: Plan, salted: Mapping[str, str]) -> list[Verdict]:
    """Whether CREATE2 can make these contracts of a plan, by name and address."""
    if not salted:
        return []
    there = [
        Verdict(
            "contracts.there",
            VerdictLevel.BLOCK,
            f"{address} has code already, where the salt puts {name}",
            "Plan it again: what is there with our code is kept. Where that is other code, take another salt.",
        )
        for name, address in salted.items()
        if await code_at(chain, address) != "0x"
    ]
    return [*await deployer_verdicts(chain, plan), *there]


class PutDeployerStep(TransactionStep):
    """Sends the presigned transaction. It goes through the queue like any other, so a node that forgot it gets it again."""

    needs_key: ClassVar[bool] = False

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Keep the bytes; there is nothing to sign."""
        raw = bytes.fromhex(PRESIGNED[2:])
        tx_hash = transaction_hash(raw)
        row = await self.transactions.queue.get(self.network, tx_hash)
        if row is None or row.state is TransactionState.DROPPED:
            signed = Signed(0, raw, context.plan.id, context.index, self.spec.title)
            await self.transactions.queue.keep(self.network, SIGNER, [signed])
        return {"raw": PRESIGNED, "hash": tx_hash, "nonce": 0}


class CreatingStep(TransactionStep):
    """Creates a contract, with a salt or without."""

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """What became of it; a receipt of the deterministic deployer does not name the contract that it made."""
        outcome = await super().observe(prepared, context)
        row = await self.transactions.queue.get(self.network, str(prepared["hash"]))
        if row is None or row.to != DEPLOYER or not outcome.result or outcome.failure:
            return outcome
        address = address_of(row.data[:66], "0x" + row.data[66:])
        if outcome.happened is Happened.DONE and await code_at(await self.transactions.connect(self.network), address) == "0x":
            # A call of a deployer that is not there succeeds.
            text = f"The transaction went through, and made nothing at {address}: no deterministic deployer was there."
            return replace(outcome, failure=text)
        return replace(outcome, result={**outcome.result, "contract": address})
