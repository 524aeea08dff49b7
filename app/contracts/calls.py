"""Reading and writing through an ABI: a read says at which block, a write is a plan with its effects simulated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.chain import abi as abis
from app.chain.effects import measured
from app.chain.outcomes import fee_of
from app.chain.rpc import RpcFailure
from app.chain.simulation import CallRequest
from app.contracts.interfaces import IMPORTED, READS, Interface, Interfaces
from app.contracts.systems import account
from app.contracts.values import as_text, called, read_values, shown
from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from app.operations.plans import Call, Effect, Plan, Preview, Verdict, VerdictLevel, listed
from app.operations.steps import PlanKind

if TYPE_CHECKING:
    from app.chain import Chain, Fees, Networks, Simulation, Transactions
    from app.contracts.verification import Verdicts
    from app.operations import Operations

KIND = "contracts.call"
PAUSED = "0x5c975abb"  # paused(), of OpenZeppelin's Pausable
ACTS = frozenset({"administrator", "developer"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view said. ``values`` are (name, type, value) as :func:`app.contracts.values.shown` gives them."""

    function: str
    values: tuple[tuple[str, str, object], ...]
    block: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Wanted:
    """One call to make: an interface, one of its functions, its arguments as the encoder takes them, wei that go with it."""

    interface: Interface
    entry: Mapping[str, Any]
    arguments: Sequence[object]
    value: int = 0

    @property
    def data(self) -> str:
        """``0x…`` call data."""
        return "0x" + (abis.selector(self.entry) + abis.encode(abis.types_of(self.entry["inputs"]), self.arguments)).hex()

    @property
    def said(self) -> list[list[str]]:
        """Names and values of the arguments, for people."""
        pairs = zip(self.entry["inputs"], self.arguments, strict=True)
        return [[called(each, at), as_text(shown(each, value))] for at, (each, value) in enumerate(pairs)]


class Calls:
    """Views and plans of calls."""

    def __init__(
        self,
        interfaces: Interfaces,
        networks: Networks,
        simulation: Simulation,
        transactions: Transactions,
        fees: Fees,
        operations: Operations,
        verdicts: Verdicts,
    ) -> None:
        self.interfaces = interfaces
        self._verdicts = verdicts
        self._networks = networks
        self._simulation = simulation
        self._transactions = transactions
        self._fees = fees
        self._operations = operations
        # What the calls of a plan take away for good: set by the roles, which know who holds what.
        self.losses: Callable[[Chain, Sequence[Mapping[str, Any]]], Awaitable[tuple[Verdict, ...]]] | None = None
        operations.register_kind(
            PlanKind(KIND, self._preview, self._measure, ACTS, undo="What a call changed stays, unless the contract can undo it.")
        )

    async def read(
        self, network_id: str, ref: str, function: str, given: Sequence[object] = (), block: int | None = None, sender: str = ""
    ) -> Answer:
        """Ask a view, or try a function that writes without sending anything.

        Args:
            given: the arguments as written (``app.contracts.values``).
            block: height; None: the newest, which the answer names.
            sender: whom the contract sees as the caller.

        Raises:
            Invalid: an argument does not fit (``field`` is its place), or the block does not exist yet.
            NotFound: no such contract or function.
            Conflict: the contract refuses; the reason is decoded.
        """
        interface = await self.interfaces.get(network_id, ref)
        entry = interface.function(function)
        wanted = Wanted(interface, entry, read_values(entry["inputs"], given))
        chain = await self._networks.connect(network_id)
        at = await self._block(chain, block)
        call = {"to": interface.address, "data": wanted.data}
        if sender:
            call["from"] = account(sender, "sender")
        try:
            answer = str(await chain.rpc.call("eth_call", call, hex(at.number)))
        except RpcFailure as failure:
            if not failure.executed:
                raise
            self._learn(interface)
            why = await self._simulation.told(chain, interface.address, wanted.data, failure.data, failure.text)
            raise Conflict(
                f"{interface.name}.{entry['name']} refuses at block {at.number:,}: {why}.", "Nothing was sent; a read never sends."
            ) from failure
        outputs = entry.get("outputs", ())
        if outputs and answer in ("0x", ""):
            raise Conflict(
                f"{interface.name} was not there yet at block {at.number:,}. It gave no answer.", "Choose a later block."
            )
        values = abis.decode(abis.types_of(outputs), bytes.fromhex(answer[2:]))
        return Answer(
            abis.signature_of(entry),
            tuple((str(each.get("name", "")), abis.type_of(each), shown(each, v)) for each, v in zip(outputs, values, strict=True)),
            at.number,
            Evidence(
                EvidenceKind.BLOCK,
                str(at.number),
                network=chain.network.key.text,
                block_hash=at.hash,
                read_at=now_ms(),
                status=EvidenceStatus.CLAIMED,
                check=f"eth_call of {abis.signature_of(entry)} at {interface.address}",
            ),
        )

    async def _block(self, chain: Chain, number: int | None) -> Any:
        head = await chain.head()
        if number is None or number == head.number:
            return head
        if not 0 <= number < head.number:
            raise Invalid(f"Block {number:,} does not exist yet; the newest is {head.number:,}.", "Choose another.", field="block")
        return await chain.block(number)

    async def plan_call(
        self, network_id: str, ref: str, function: str, given: Sequence[object], sender: str, value: int = 0
    ) -> Plan:
        """Plan one call that changes something.

        Args:
            given: the arguments as written.
            sender: pays and signs (EIP-55 address).
            value: wei that go with it.

        Raises: as :meth:`read`; Invalid also when the function only reads, or takes no coin (``field`` is ``value``).
        """
        interface = await self.interfaces.get(network_id, ref)
        entry = interface.function(function)
        wanted = Wanted(interface, entry, read_values(entry["inputs"], given), value)
        return await self.plan(network_id, [wanted], sender, f"Call {interface.name}.{entry['name']}")

    async def plan(self, network_id: str, wanted: Sequence[Wanted], sender: str, title: str) -> Plan:
        """Plan several calls in order, each a transaction of its own.

        Raises:
            Invalid: one of them only reads, or takes no coin; or the sender is no address.
        """
        payer = account(sender, "sender")
        for each in wanted:
            name, payable = each.entry["name"], each.entry.get("stateMutability") == "payable" or each.entry.get("payable")
            if each.entry.get("stateMutability") in READS:
                raise Invalid(f"{name} only reads. Nothing was planned.", f"Ask it: azora contract call … {name}", field="function")
            if each.value < 0 or (each.value and not payable):
                raise Invalid(f"{name} takes no coin. Nothing was planned.", "Leave the value empty.", field="value")
        chain = await self._networks.connect(network_id)
        params: dict[str, object] = {
            "network": chain.network.key.text,
            "sender": payer,
            "calls": [
                {
                    "contract": each.interface.name,
                    "to": each.interface.address,
                    "function": abis.signature_of(each.entry),
                    "arguments": each.said,
                    "data": each.data,
                    "value": str(each.value),
                    "pausable": each.interface.has("paused()"),
                }
                for each in wanted
            ],
        }
        steps = [
            self._transactions.step(
                chain.network, payer, each.interface.address, each.data, each.value, f"{each.interface.name}.{each.entry['name']}"
            )
            for each in wanted
        ]
        return await self._operations.plan(KIND, title, chain.network.target(), params, steps)

    # explaining plans

    async def _preview(self, plan: Plan) -> Preview:
        chain = await self._networks.connect(plan.target.ref)
        sender, calls = str(plan.params["sender"]), _calls(plan)
        verified: dict[str, bool] = {}
        for address in dict.fromkeys(str(call["to"]) for call in calls):
            interface = await self.interfaces.get(chain.network.id, address)
            self._learn(interface)
            verified[address] = await self._verified(chain, interface)
        pausable = _pausable(calls)
        before = [await self._paused(chain, address, "latest") for address in pausable]
        simulated = await self._simulation.preview(
            chain.network.id,
            [
                CallRequest(sender, str(call["to"]), str(call["data"]), int(str(call["value"])), str(call["function"]))
                for call in calls
            ],
            reads=[CallRequest(sender, address, PAUSED) for address in pausable],
        )
        quote = await self._fees.quote_for(chain, plan.params)
        fee = quote.fee(sum(simulated.gas), chain.network.symbol)
        held = int(str(await chain.rpc.call("eth_getBalance", sender, "latest")), 16)
        needed = fee.limit + sum(int(str(call["value"])) for call in calls)
        coin = chain.network.symbol
        verdict = (
            Verdict("contracts.fee", VerdictLevel.BLOCK, f"The sender holds too little {coin} for value and network fee")
            if held < needed
            else Verdict("contracts.fee", VerdictLevel.PASS, f"The sender holds enough {coin} for value and network fee")
        )
        states = tuple(
            _state(address, names, old, _flag(new))
            for (address, names), old, new in zip(pausable.items(), before, simulated.reads, strict=True)
            if old is not _flag(new) and not simulated.error
        )
        lost = await self.losses(chain, calls) if self.losses is not None and not simulated.error else ()
        quiet = not simulated.effects and not states and not simulated.error
        return Preview(
            effects=(*simulated.effects, *states),
            verdicts=(verdict, *lost, *quote.verdicts()),
            calls=tuple(_decoded(call, verified=verified[str(call["to"])]) for call in calls),
            fee=fee,
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            cause=simulated.cause,
            notes=("No balance, supply, allowance or role changes; other storage of the contract may.",) if quiet else (),
        )

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        """The previewed effects with what the chain has now at the blocks in which the calls were mined."""
        predicted = plan.preview.effects if plan.preview else ()
        mined = [(str(step.result["hash"]), int(str(step.result["block"]))) for step in plan.steps if step.result.get("block")]
        if not mined:
            return tuple(replace(effect, after=effect.before) for effect in predicted)
        chain = await self._networks.connect(plan.target.ref)
        coin, sender, last = chain.network.symbol, str(plan.params["sender"]), mined[-1][1]
        receipts = await chain.rpc.batch([("eth_getTransactionReceipt", [tx_hash]) for tx_hash, _ in mined])
        paid = sum(fee_of(receipt) for receipt in receipts)  # the preview shows balances without the network fee
        found = {_key(each): each for each in await measured(chain.rpc, predicted, mined[0][1] - 1, last, {}, coin)}
        actual = []
        for effect in predicted:
            if effect.kind == "paused":
                now = await self._paused(chain, effect.contract, hex(last))
                actual.append(replace(effect, after=_word(now)))
            elif (seen := found.get(_key(effect))) is not None:
                own = effect.kind == "balance" and effect.subject == sender and not effect.contract and effect.unit == coin
                actual.append(replace(effect, after=str(int(seen.after) + paid)) if own else replace(effect, after=seen.after))
        return tuple(actual)

    async def _paused(self, chain: Chain, address: str, block: str) -> bool:
        return _flag(str(await chain.rpc.call("eth_call", {"to": address, "data": PAUSED}, block)))

    async def _verified(self, chain: Chain, interface: Interface) -> bool:
        """Whether the source of all code that a call runs first was proven; an ABI that was brought in by hand proves nothing."""
        proxy = interface.proxy
        behind = (proxy.implementation, proxy.beacon) if proxy else ()
        if interface.origin == IMPORTED or (proxy is not None and not proxy.implementation):
            return False
        return await self._verdicts.sources_known(chain, [interface.address, *filter(None, behind)])

    def _learn(self, interface: Interface) -> None:
        """The contract's own errors can be told by name from now on."""
        self._simulation.register_abi(interface.abi, f"{interface.name} {interface.address}")


def _calls(plan: Plan) -> list[dict[str, Any]]:
    return listed(plan.params, "calls", dict)


def _pausable(calls: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Names of the contracts that can be paused, by address."""
    return {str(call["to"]): str(call["contract"]) for call in calls if call.get("pausable")}


def _flag(answer: str) -> bool:
    return len(answer) >= 66 and int(answer[:66], 16) == 1


def _word(paused: bool) -> str:
    return "paused" if paused else "running"


def _state(address: str, name: str, before: bool, after: bool) -> Effect:
    return Effect("paused", address, _word(before), _word(after), label=name, contract=address)


def _key(effect: Effect) -> tuple[str, ...]:
    words = "" if effect.unit else effect.after or effect.before
    return effect.kind, effect.subject, effect.unit, effect.contract, words if effect.kind == "role" else effect.label


def _decoded(call: Mapping[str, Any], *, verified: bool) -> Call:
    pairs = tuple((str(name), str(value)) for name, value in call["arguments"])
    return Call(str(call["contract"]), str(call["to"]), str(call["function"]).partition("(")[0], pairs, verified=verified)
