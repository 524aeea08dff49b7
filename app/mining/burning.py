"""The burn rate: the policy says what is to be burned, the contract burns what it was told. A plan lets them agree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Conflict
from app.core.events import Bus, QueueChanged
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from app.mining.abis import MINT_MINE
from app.mining.reading import fee_of, find_holder, has_role, read
from app.operations.plans import Call, Effect, Plan, Preview, Verdict, VerdictLevel
from app.operations.steps import PlanKind
from app.wallets.actual import mined_of
from app.wallets.keys import parse_address

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Fees, Networks, Simulation, Transactions
    from app.mining.policy import Policy
    from app.operations import Operations

KIND = "mining.burn_rate"
ADMIN_ROLE = bytes(32)  # OpenZeppelin's DEFAULT_ADMIN_ROLE


@dataclass(frozen=True, slots=True)
class BurnRates:
    """Both rates in basis points of a reward; what the contract says counts, at the block of ``evidence``."""

    contract: int
    policy: int
    named: str
    evidence: Evidence

    @property
    def agree(self) -> bool:
        """The contract burns what the policy says."""
        return self.contract == self.policy

    @property
    def text(self) -> str:
        """Both in a sentence."""
        if self.agree:
            return f"The contract burns {_percent(self.contract)} of each reward, as {self.named} says."
        return (
            f"The contract burns {_percent(self.contract)} of each reward, {self.named} says {_percent(self.policy)}. "
            "The contract decides."
        )


class Burning:
    """Compares the rates, and plans that the contract takes the policy's."""

    def __init__(
        self,
        *,
        operations: Operations,
        networks: Networks,
        simulation: Simulation,
        transactions: Transactions,
        fees: Fees,
        economy: Callable[[str], Awaitable[tuple[Chain, Economy]]],
        policy: Callable[[], Awaitable[Policy]],
        bus: Bus,
    ) -> None:
        self._operations = operations
        self._networks = networks
        self._simulation = simulation
        self._transactions = transactions
        self._fees = fees
        self._economy = economy
        self._policy = policy
        self._bus = bus
        told = "Proofs that were minted before keep what they got."
        operations.register_kind(PlanKind(KIND, self._preview, self._measure, undo=told))

    async def rates(self, network_id: str) -> BurnRates:
        """What contract and policy say now.

        Raises:
            NotFound: no economy on this network. Unavailable: it does not answer.
        """
        chain, economy = await self._economy(network_id)
        policy, head = await self._policy(), await chain.head()
        evidence = Evidence(
            EvidenceKind.BLOCK,
            f"{head.number:,}",
            network=chain.network.key.text,
            block_hash=head.hash,
            read_at=now_ms(),
            status=EvidenceStatus.CLAIMED,
            check="MintMine.burnRate at this block",
        )
        return BurnRates(await _rate(chain, economy.mint_mine, head.number), policy.burn_rate, policy.name, evidence)

    async def plan(self, network_id: str, sender: str = "") -> Plan:
        """Plan that the contract burns what the present policy says.

        Args:
            sender: holds the contract's admin role and pays; empty: whoever holds it.

        Raises:
            Conflict: the contract burns that already.
            NotFound: no economy on this network, or nobody administers its contract.
        """
        from app.chain import abi

        chain, economy = await self._economy(network_id)
        found = await self.rates(network_id)
        if found.agree:
            raise Conflict(f"{found.text} Nothing was planned.", "Set another version of the policy first.")
        contract = parse_address(economy.mint_mine)
        who = parse_address(sender, "sender") if sender else await find_holder(chain, contract, ADMIN_ROLE, economy.start_block)
        title = f"Burn {_percent(found.policy)} of each reward"
        params = {
            "network": chain.network.key.text,
            "network_id": network_id,
            "sender": who,
            "mint_mine": contract,
            "rate": found.policy,
            "policy": found.named,
        }
        data = abi.encode_call(MINT_MINE, "setBurnRate", [found.policy])
        step = self._transactions.step(chain.network, who, contract, data=data, title=title)
        return await self._operations.plan(KIND, title, chain.network.target(), params, [step])

    # Inside

    async def _preview(self, plan: Plan) -> Preview:
        from app.chain import CallRequest, Watch, abi

        chain, economy = await self._economy(str(plan.params["network_id"]))
        contract, sender, rate = str(plan.params["mint_mine"]), str(plan.params["sender"]), int(str(plan.params["rate"]))
        if parse_address(economy.mint_mine) != contract:
            raise Conflict("The economy of this network is another than when the plan was made. Nothing was sent.", "Plan again.")
        data = abi.encode_call(MINT_MINE, "setBurnRate", [rate])
        request = CallRequest(sender=sender, to=contract, data=data, value=0, label=plan.title)
        simulated = await self._simulation.preview(chain.network.id, [request], watch=Watch(tokens=[], accounts=[]))
        before = await _rate(chain, contract, simulated.block)
        return Preview(
            effects=() if simulated.error else (_effect(contract, before, rate),),
            verdicts=(await self._holds(chain, contract, sender), await self._still(plan)),
            calls=(Call("MintMine", contract, "setBurnRate", (("burnRate_", str(rate)),), verified=True),),
            fee=await fee_of(self._fees, chain, sum(simulated.gas), plan.params),
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            cause=simulated.cause,
            notes=("It counts for every proof that is minted afterwards, whichever policy has priced it.",),
        )

    async def _holds(self, chain: Chain, contract: str, sender: str) -> Verdict:
        if await has_role(chain, contract, ADMIN_ROLE, sender):
            return Verdict("mining.admin", VerdictLevel.PASS, "The sender administers the contract")
        return Verdict(
            "mining.admin",
            VerdictLevel.BLOCK,
            "The sender does not hold the contract's DEFAULT_ADMIN_ROLE",
            "Send with its holder.",
        )

    async def _still(self, plan: Plan) -> Verdict:
        policy, rate = await self._policy(), int(str(plan.params["rate"]))
        if policy.burn_rate == rate:
            return Verdict("mining.burn_rate", VerdictLevel.PASS, f"{policy.name} says {_percent(rate)}")
        text = f"{policy.name} says {_percent(policy.burn_rate)} by now"
        return Verdict("mining.burn_rate", VerdictLevel.BLOCK, text, "Plan again with what it says.")

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        mined, contract = mined_of(plan), str(plan.params["mint_mine"])
        if not mined or plan.preview is None:
            return plan.preview.effects if plan.preview else ()
        chain = await self._networks.connect(str(plan.params["network_id"]))
        self._bus.publish(QueueChanged())
        before = await _rate(chain, contract, mined[0].block - 1)
        return (_effect(contract, before, await _rate(chain, contract, mined[-1].block)),)


async def _rate(chain: Chain, contract: str, block: int) -> int:
    return int(str(await read(chain, contract, MINT_MINE, "burnRate", [], block)))


def _effect(contract: str, before: int, after: int) -> Effect:
    return Effect("state", contract, _percent(before), _percent(after), label="Burned of each reward")


def _percent(points: int) -> str:
    return f"{points / 100:.2f} %"
