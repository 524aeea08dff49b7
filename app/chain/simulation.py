"""What calls would do for everybody they touch, computed on the newest block before anything is signed, with no third party.

Three ways, the first that the node has: ``eth_simulateV1``; ``debug_traceCall`` with the changes of earlier calls laid over; and an
EVM of our own on state pulled from the node, which works with any. The result names its way. All of them stand on a block that was
read by itself: block hashes that a simulation returns are made up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.chain import effects as effecting
from app.chain import reasons
from app.chain.effects import Erc20, Question, Watch
from app.chain.evm import LocalEvm
from app.chain.rpc import RpcFailure
from app.chain.runs import CallRequest, CallResult, Session, Standing, hexadecimal, quantity, stand
from app.chain.simulators import SimulateV1, TraceCall
from app.chain.wording import OWN_CALLS, Names
from app.core.errors import ConsoleError, Unavailable
from app.operations.plans import Effect

if TYPE_CHECKING:
    from app.chain.networks import Chain, Network, Networks

__all__ = ["METHODS", "CallRequest", "Erc20", "Simulated", "Simulation", "Watch"]

METHODS = (SimulateV1.name, TraceCall.name, LocalEvm.name)
_MAKERS: dict[str, Callable[[Chain, Standing, Sequence[CallRequest]], Session]] = {
    SimulateV1.name: SimulateV1,
    TraceCall.name: TraceCall,
    LocalEvm.name: LocalEvm,
}
LIMIT = 60.0  # seconds for a preview, all ways together


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came out.

    ``effects`` are all that change: native coin, balances and supplies, allowances, roles, in this order and in the order in which
    they were touched. Gas, return data, logs, created addresses and errors are per call; ``error`` is the reason of the first call
    that failed, in words, with its label where there are several calls; ``cause`` is what the contract raised, with exact values,
    where that is not the same.
    """

    effects: tuple[Effect, ...] = ()
    gas: tuple[int, ...] = ()
    return_data: tuple[str, ...] = ()
    logs: tuple[tuple[dict[str, Any], ...], ...] = ()
    created: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    error: str = ""
    cause: str = ""
    block: int = 0
    block_hash: str = ""
    method: str = ""
    reads: tuple[str, ...] = field(default=())


class Simulation:
    """Tries calls on a network, with no third party."""

    def __init__(self, *, networks: Networks, methods: Sequence[str] = METHODS) -> None:
        self._networks = networks
        self._methods = tuple(methods)
        self._absent: dict[str, set[str]] = {}  # ways that an endpoint does not have
        self._abis: dict[str, Sequence[Any]] = {}
        self.names_of: Callable[[Network], Awaitable[Names]] | None = None

    def register_abi(self, contract_abi: Sequence[Any], name: str) -> None:
        """Let a room's custom errors be told by name."""
        self._abis[name] = [entry for entry in contract_abi if entry.get("type") == "error"]

    def reason(self, data: str, otherwise: str = "") -> str:
        """A revert's reason with exact values, from its data or from what the node said."""
        return reasons.reason((entry for entries in self._abis.values() for entry in entries), data, otherwise)

    async def told(self, chain: Chain, to: str | None, call: str, data: str, otherwise: str = "") -> str:
        """A revert's reason for people: accounts by their labels, amounts with decimals and symbol of the token that was called.

        Args:
            to: the contract that was called.
            call: what it was called with, ``0x…``.
            data, otherwise: as of ``reason``, which also answers for errors without words.
        """
        return self._worded(await self._names(chain), await self._unit(chain, to, call), to, data, otherwise)

    def _worded(self, names: Names, unit: tuple[str, int] | None, to: str | None, data: str, otherwise: str) -> str:
        ours = names.units.get(to or "")
        words = reasons.in_words(data, names.accounts, ours or unit, economy=ours is not None)
        return words or self.reason(data, otherwise)

    async def _unit(self, chain: Chain, to: str | None, call: str) -> tuple[str, int] | None:
        """Symbol and decimals of a token that is called as one; of any other call, the error may be another token's."""
        if to is None or call[:10].lower() not in OWN_CALLS:
            return None
        views = [("eth_call", [{"to": to, "data": view}, "latest"]) for view in (effecting.SYMBOL, effecting.DECIMALS)]
        symbol, decimals = await chain.rpc.each(views)
        if not isinstance(decimals, str) or len(decimals) < 66 or int(decimals[:66], 16) > 77:
            return None
        return (effecting.text_of(symbol) if isinstance(symbol, str) else ""), int(decimals[:66], 16)

    async def _names(self, chain: Chain) -> Names:
        if self.names_of is None:
            return Names()
        try:
            return await self.names_of(chain.network)
        except ConsoleError:
            return Names()  # a reason without labels is better than none

    async def preview(
        self, network_id: str, calls: Sequence[CallRequest], *, watch: Watch | None = None, reads: Sequence[CallRequest] = ()
    ) -> Simulated:
        """Run ``calls`` in order on the newest block. A call that fails changes nothing; those after it are tried all the same.

        Args:
            watch: balances and supplies to compare even where no log tells of them.
            reads: views to ask after the calls; their answers are in ``reads``.

        Raises:
            Unavailable: the network does not answer, or no way of simulating came to an end.
        """
        chain = await self._networks.connect(network_id)
        try:
            async with asyncio.timeout(LIMIT):
                for _ in range(2):  # once more when a reorganisation took the block away meanwhile
                    standing = await stand(chain)
                    failure: Unavailable | None = None
                    try:
                        simulated = await self._on(chain, standing, calls, watch or Watch(), reads)
                    except Unavailable as error:
                        failure = error
                    if (await chain.block(standing.number)).hash == standing.hash:
                        break
                if failure is not None:
                    raise failure
                return simulated
        except TimeoutError:
            raise Unavailable(
                f"The simulation on {chain.network.name} took longer than {LIMIT:.0f} s and was given up. Nothing was signed.",
                "Try again, or use a nearer endpoint.",
                retryable=True,
            ) from None

    async def _on(
        self, chain: Chain, standing: Standing, calls: Sequence[CallRequest], watch: Watch, reads: Sequence[CallRequest]
    ) -> Simulated:
        absent = self._absent.setdefault(chain.rpc.url, set())
        vague: Simulated | None = None
        failures: list[RpcFailure] = []
        for name in (name for name in self._methods if name not in absent):
            try:
                session = _MAKERS[name](chain, standing, calls)
                results = await session.run()
                found = await self._told(chain, standing, session, calls, results, watch, reads)
            except RpcFailure as failure:
                failures.append(failure)
                if failure.unknown_method:
                    absent.add(name)
                continue
            if not any(result.vague for result in results):
                return found
            vague = vague or found  # the next way may know why it fails
        if vague is not None:
            return vague
        why = failures[-1].text if failures else "no way of simulating is allowed"
        raise Unavailable(
            f"The transaction could not be simulated on {chain.network.name}: {why}. Nothing was signed or sent.",
            "Use an endpoint with eth_simulateV1 or debug_traceCall.",
        )

    async def _told(
        self,
        chain: Chain,
        standing: Standing,
        session: Session,
        calls: Sequence[CallRequest],
        results: Sequence[CallResult],
        watch: Watch,
        reads: Sequence[CallRequest],
    ) -> Simulated:
        asked = effecting.questions(calls, results, watch)
        accounts = effecting.coin_accounts(calls, results, session.moved)
        tokens = effecting.describing(asked, watch)
        views = [each.view for each in asked]
        views += [(token, data) for data in (effecting.SYMBOL, effecting.DECIMALS) for token in tokens]
        views += [(read.to or "", read.data) for read in reads]
        answers, held = await session.after(views, accounts)
        first, native = await self._before(chain, standing, asked, accounts)
        count = len(asked)
        unit_of = effecting.units(
            tokens,
            answers[count : count + len(tokens)],
            answers[count + len(tokens) : count + 2 * len(tokens)],
            watch,
            chain.network.symbol,
        )
        coins = [
            Effect("balance", account, str(old), str(held[account]), chain.network.symbol, 18)
            for account, old in zip(accounts, native, strict=True)
            if held.get(account, old) != old
        ]
        errors = await self._errors(chain, calls, results)
        error, cause = next(filter(any, errors), ("", ""))
        return Simulated(
            effects=(*coins, *effecting.effects_of(asked, first, answers[:count], unit_of, watch.names)),
            gas=tuple(result.gas for result in results),
            return_data=tuple(result.data for result in results),
            logs=tuple(result.logs for result in results),
            created=tuple(result.created for result in results),
            errors=tuple(each for each, _ in errors),
            error=error,
            cause=cause,
            block=standing.number,
            block_hash=standing.hash,
            method=session.told,
            reads=tuple(answers[count + 2 * len(tokens) :]),
        )

    async def _before(
        self, chain: Chain, standing: Standing, asked: Sequence[Question], accounts: Iterable[str]
    ) -> tuple[list[str], list[int]]:
        """The same figures on the block itself; a contract that is not there yet has none."""
        calls: list[tuple[str, list[object]]] = []
        for each in asked:
            to, data = each.view
            calls.append(("eth_call", [{"to": to, "data": data}, standing.tag]))
        calls += [("eth_getBalance", [account, standing.tag]) for account in accounts]
        answers = await chain.rpc.each(calls)
        for answer in answers[len(asked) :]:
            if isinstance(answer, RpcFailure):
                raise answer
        values = []
        for answer in answers[: len(asked)]:
            if isinstance(answer, RpcFailure) and not answer.executed:
                raise answer
            values.append("0x" if isinstance(answer, RpcFailure) else hexadecimal("eth_call", answer))
        return values, [quantity("eth_getBalance", answer) for answer in answers[len(asked) :]]

    async def _errors(self, chain: Chain, calls: Sequence[CallRequest], results: Sequence[CallResult]) -> list[tuple[str, str]]:
        """Of each call its error in words, and as it was raised where that says more; empty where it succeeds."""
        if all(result.ok for result in results):
            return [("", "")] * len(calls)
        names = await self._names(chain)
        units: dict[tuple[str | None, str], tuple[str, int] | None] = {}
        errors = []
        for call, result in zip(calls, results, strict=True):
            if result.ok:
                errors.append(("", ""))
                continue
            which = call.to, call.data[:10]
            if which not in units:
                units[which] = await self._unit(chain, *which)
            exact = self.reason(result.data, result.said)
            why = self._worded(names, units[which], call.to, result.data, result.said)
            which_call = f"{call.label}: " if call.label and len(calls) > 1 else ""
            errors.append((which_call + why, exact if exact != why else ""))
        return errors
