"""A solution becomes AZR: one plan of kind ``mining.solve``, checked by a hash that no kernel made before anything is signed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid, NotFound
from app.core.money import short_units
from app.mining.abis import MINEABLE
from app.mining.reading import fee_of
from app.mining.work.contract import WorkState, read_work
from app.operations.plans import Call, Effect, Plan, Preview, Verdict, VerdictLevel
from app.operations.steps import PlanKind
from app.wallets.actual import measure
from app.wallets.keys import parse_address

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Fees, Networks, Simulation, Transactions
    from app.operations import Operations

SOLVE = "mining.solve"
EVERYBODY = frozenset({"administrator", "developer"})


class Solving:
    """Plans, previews and measures solutions."""

    def __init__(
        self,
        operations: Operations,
        networks: Networks,
        simulation: Simulation,
        transactions: Transactions,
        fees: Fees,
        economy_of: Callable[[str], Awaitable[Economy | None]],
    ) -> None:
        self._operations = operations
        self._networks = networks
        self._simulation = simulation
        self._transactions = transactions
        self._fees = fees
        self._economy_of = economy_of
        operations.register_kind(PlanKind(SOLVE, self._preview, self._measure, EVERYBODY, undo="Mined AZR cannot be taken back."))

    async def economy(self, network_id: str) -> tuple[Chain, Economy]:
        """The network and its economy, with proof of work.

        Raises:
            NotFound: there is no economy, or no proof of work.
            Unavailable: the network does not answer.
        """
        chain = await self._networks.connect(network_id)
        economy = await self._economy_of(chain.network.key.text)
        if economy is None or not economy.work:
            raise NotFound(
                f"{chain.network.name} has no proof of work. Nothing was done.", "Deploy it: azora contract deploy --system work"
            )
        return chain, economy

    async def state(self, network_id: str) -> WorkState:
        """Challenge, target, reward and what was mined. Raises as :meth:`economy`."""
        chain, economy = await self.economy(network_id)
        return await read_work(chain, economy.work)

    async def plan(self, network_id: str, miner: str, nonce: bytes) -> Plan:
        """Plan to claim the reward for a nonce.

        Raises:
            Invalid: the nonce is not 32 bytes, or solves nothing for this miner; nothing was planned.
            NotFound: no proof of work on this network.
        """
        chain, economy = await self.economy(network_id)
        if len(nonce) != 32:
            raise Invalid("A nonce has 32 bytes. Nothing was planned.", "Write it as 64 hex digits.", field="nonce")
        account, state = parse_address(miner, "miner"), await read_work(chain, economy.work)
        verdict = state.judge(account, nonce)
        if not verdict.solves:
            raise Invalid(
                f"The digest of this nonce is 0x{verdict.digest.hex()}, above the target. Nothing was planned.",
                "It belongs to another challenge or miner, or its kernel is broken.",
                field="nonce",
            )
        params = {
            "network": chain.network.key.text,
            "network_id": network_id,
            "work": economy.work,
            "token": economy.token,
            "miner": account,
            "nonce": "0x" + nonce.hex(),
            "challenge": "0x" + state.challenge.hex(),
            "digest": "0x" + verdict.digest.hex(),
        }
        title = f"Claim {short_units(state.reward, economy.decimals)} {economy.token_symbol} for a solution"
        step = self._transactions.step(chain.network, account, economy.work, data=_data(nonce), title=title)
        return await self._operations.plan(SOLVE, title, chain.network.target(), params, [step])

    async def _preview(self, plan: Plan) -> Preview:
        from app.chain import CallRequest, Erc20, Watch

        chain, economy = await self.economy(str(plan.params["network_id"]))
        miner, nonce = str(plan.params["miner"]), bytes.fromhex(str(plan.params["nonce"])[2:])
        if economy.work != plan.params["work"]:
            raise Conflict("Proof of work was deployed anew since this was planned. Nothing was sent.", "Mine for the new one.")
        state = await read_work(chain, economy.work)
        fresh = state.challenge == bytes.fromhex(str(plan.params["challenge"])[2:])
        watch = Watch(tokens=[Erc20(economy.token, economy.token_symbol, economy.decimals)], accounts=[miner])
        call = CallRequest(sender=miner, to=economy.work, data=_data(nonce), label=plan.title)
        simulated = await self._simulation.preview(chain.network.id, [call], watch=watch)
        kept = [effect for effect in simulated.effects if _mined(effect, miner, economy)]
        return Preview(
            effects=tuple(kept),
            verdicts=(
                Verdict("work.solution", VerdictLevel.PASS, "An independent keccak-256 puts the digest at or below the target")
                if fresh and state.judge(miner, nonce).solves
                else Verdict("work.solution", VerdictLevel.BLOCK, "The challenge was solved by somebody else meanwhile"),
            ),
            calls=(Call("MineableAzora", economy.work, "mint", (("nonce", str(int.from_bytes(nonce, "big"))),), verified=True),),
            fee=await fee_of(self._fees, chain, simulated.gas[0] if simulated.gas else 0, plan.params),
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            cause=simulated.cause,
        )

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        chain = await self._networks.connect(plan.target.ref)
        economy = await self._economy_of(plan.target.ref)
        symbol = economy.token_symbol if economy else "AZR"
        return await measure(chain.rpc, plan, {symbol: str(plan.params["token"])}, chain.network.symbol)


def _mined(effect: Effect, miner: str, economy: Economy) -> bool:
    own = effect.kind == "balance" and effect.subject == miner
    return effect.unit == economy.token_symbol and (own or effect.kind == "supply")


def _data(nonce: bytes) -> str:
    from app.chain import abi

    return abi.encode_call(MINEABLE, "mint", [int.from_bytes(nonce, "big")])
