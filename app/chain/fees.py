"""What a transaction costs (EIP-1559), on chains with and without a base fee, and on chains that charge nothing.

The next block's base fee follows exactly from its parent; the node's own figure is compared with it. Tips are what others paid of
late, by ``eth_feeHistory``. Nothing is offered above the network's ceiling, which is a setting of each network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.core.errors import Denied, Invalid, Unavailable
from app.operations.plans import Fee, Verdict, VerdictLevel

if TYPE_CHECKING:
    from app.chain.networks import Block, Chain

GWEI = 10**9
HISTORY = 20  # blocks
PERCENTILES = (10, 50, 90)  # of the tips in a block, by gas: slow, normal, fast
ELASTICITY, DENOMINATOR = 2, 8  # EIP-1559: target = limit / 2, and a block moves the base fee by at most 1/8
MARGIN = (6, 5)  # gas limit = estimate × 6/5: state may move between estimate and block


class Level(StrEnum):
    """How soon a transaction should be mined."""

    SLOW = "slow"
    NORMAL = "normal"
    FAST = "fast"


# How far the base fee may rise before the offer is under it. It moves by at most 1/8 a block, so twice the next one survives six
# full blocks, and one and a half times three.
_HEADROOM = {Level.SLOW: (3, 2), Level.NORMAL: (2, 1), Level.FAST: (2, 1)}


@dataclass(frozen=True, slots=True)
class FeeQuote:
    """Prices in wei per gas.

    ``base_fee`` is the next block's. ``legacy`` chains have none; ``max_fee_per_gas`` is the gas price there. ``level`` is
    ``slow``, ``normal``, ``fast`` or ``custom``. ``warning`` is a sentence without figures, which move; ``detail`` has them.
    """

    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    base_fee: int
    legacy: bool = False
    level: str = Level.NORMAL
    warning: str = ""
    detail: str = ""

    @property
    def price(self) -> int:
        """What a gas would cost in the next block."""
        return min(self.base_fee + self.max_priority_fee_per_gas, self.max_fee_per_gas)

    def fee(self, gas: int, unit: str, gas_limit: int | None = None) -> Fee:
        """Estimate and limit for some gas; the limit leaves a fifth for what moves between now and then."""
        limit = gas * MARGIN[0] // MARGIN[1] if gas_limit is None else gas_limit
        prices = (self.max_fee_per_gas, self.max_priority_fee_per_gas)
        return Fee(gas, limit, *prices, gas * self.price, limit * self.max_fee_per_gas, unit)

    def verdicts(self) -> tuple[Verdict, ...]:
        """The warning as a check of a preview."""
        return (Verdict("chain.fee", VerdictLevel.WARNING, self.warning, self.detail),) if self.warning else ()


@dataclass(frozen=True, slots=True)
class FeeLevels:
    """Three offers for the next block, whose base fee is ``base_fee`` wei per gas.

    ``zero`` chains charge nothing. ``ceiling`` is the network's, in wei per gas. ``note`` says when the node's base fee is not
    what its parent block makes it, else empty.
    """

    slow: FeeQuote
    normal: FeeQuote
    fast: FeeQuote
    base_fee: int
    legacy: bool
    zero: bool
    ceiling: int
    note: str = ""

    def of(self, level: str) -> FeeQuote:
        """The offer of a level.

        Raises:
            Invalid: there is no such level.
        """
        if level not in tuple(Level):
            raise Invalid(f"“{level}” is no fee level. Nothing was signed.", "Choose slow, normal or fast.", field="fee")
        return {Level.SLOW: self.slow, Level.NORMAL: self.normal, Level.FAST: self.fast}[Level(level)]


def next_base_fee(base_fee: int, gas_used: int, gas_limit: int) -> int:
    """The base fee of the block after one with these figures, wei per gas (EIP-1559)."""
    target = gas_limit // ELASTICITY
    if not target or gas_used == target:
        return base_fee
    change = base_fee * abs(gas_used - target) // target // DENOMINATOR
    return base_fee + max(change, 1) if gas_used > target else base_fee - change


class Fees:
    """Quotes for the next block."""

    async def quote(self, chain: Chain, level: str = Level.NORMAL) -> FeeQuote:
        """The price to offer now.

        Raises:
            Denied: the network asks more than its ceiling.
            Invalid: there is no such level.
            Unavailable: it did not answer.
        """
        return (await self.levels(chain)).of(level)

    async def quote_for(self, chain: Chain, params: Mapping[str, object]) -> FeeQuote:
        """The price that a plan asks for by its parameter ``fee``.

        That is ``{"level": …}``, or ``{"max_fee": …, "tip": …}`` with wei per gas as text. Without it the level is normal. On a
        legacy chain ``max_fee`` is the gas price and ``tip`` may be left out.

        Raises:
            Denied: above the network's ceiling. Nothing was signed.
            Invalid: no such level, no whole numbers, or a tip above the maximum.
            Unavailable: the network did not answer.
        """
        asked = params.get("fee")
        if not asked:
            return await self.quote(chain)
        if not isinstance(asked, Mapping):
            raise Invalid("The fee is neither a level nor a price. Nothing was signed.", "Choose a level.", field="fee")
        if "level" in asked:
            return await self.quote(chain, str(asked["level"]))
        return await self._custom(chain, asked)

    async def levels(self, chain: Chain) -> FeeLevels:
        """Slow, normal and fast for the next block.

        Raises:
            Denied: the network asks more than its ceiling.
            Unavailable: it did not answer.
        """
        head = await chain.head()
        return await (self._legacy(chain) if head.base_fee is None else self._modern(chain, head, head.base_fee))

    async def _legacy(self, chain: Chain) -> FeeLevels:
        price = _number(await chain.rpc.call("eth_gasPrice"))
        if price is None:
            raise Unavailable(f"{chain.network.name} does not tell its gas price. Nothing was signed.", "Set a price by hand.")
        prices = {Level.SLOW: price, Level.NORMAL: price, Level.FAST: max(price, min(price * 5 // 4, _ceiling(chain)))}
        quotes = {level: _bounded(chain, FeeQuote(each, each, 0, legacy=True, level=level)) for level, each in prices.items()}
        return FeeLevels(
            quotes[Level.SLOW], quotes[Level.NORMAL], quotes[Level.FAST], 0, legacy=True, zero=not price, ceiling=_ceiling(chain)
        )

    async def _modern(self, chain: Chain, head: Block, base_fee: int) -> FeeLevels:
        history, suggested = await asyncio.gather(_history(chain), _asked(chain, "eth_maxPriorityFeePerGas"))
        base, note = _next_base(chain, head, base_fee, history)
        ceiling = _ceiling(chain)
        tips = _tips(history, max(0, ceiling - base))
        zero = not base and await self._charges_nothing(chain, history)
        if zero:
            tips = (0, 0, 0)
        elif tips is None:  # nobody sent anything of late
            tips = (suggested if suggested is not None and base + suggested <= ceiling else 0,) * 3
        quotes = {}
        for level, tip in zip(Level, tips, strict=True):
            upper, lower = _HEADROOM[level]
            quotes[level] = _bounded(chain, FeeQuote(base * upper // lower + tip, tip, base, level=level))
        return FeeLevels(
            quotes[Level.SLOW], quotes[Level.NORMAL], quotes[Level.FAST], base, legacy=False, zero=zero, ceiling=ceiling, note=note
        )

    async def _charges_nothing(self, chain: Chain, history: Mapping[str, Any]) -> bool:
        """Whether a chain without a base fee takes transactions for nothing.

        A base fee never falls to zero by itself, so the chain was made without one. Some such chains still ask a tip (BSC): there
        every block holds tips, and the node's price is one.
        """
        if not history:
            return await _asked(chain, "eth_gasPrice") in (0, None)
        lowest = [rewards[0] for rewards in _rewards(history)]
        return not lowest or min(lowest) == 0 or await _asked(chain, "eth_gasPrice") == 0

    async def _custom(self, chain: Chain, asked: Mapping[str, object]) -> FeeQuote:
        most = _whole(asked.get("max_fee"), "maximum fee")
        head = await chain.head()
        legacy = head.base_fee is None
        tip = most if legacy else _whole(asked.get("tip", "0"), "tip")
        if tip > most:
            raise Invalid(
                "The tip is above the maximum fee, which includes it. Nothing was signed.",
                "Lower the tip, or raise the maximum fee.",
                field="fee",
            )
        ceiling = _ceiling(chain)
        if most > ceiling:
            raise Denied(
                f"{gwei(most)} gwei per gas is above the network's fee ceiling of {gwei(ceiling)}. Nothing was signed.",
                "Lower it, or raise the ceiling in Settings, Networks.",
            )
        if head.base_fee is None:
            return FeeQuote(most, most, 0, legacy=True, level="custom")
        base, _ = _next_base(chain, head, head.base_fee, await _history(chain))
        quote = FeeQuote(most, tip, base, level="custom")
        if most < base:
            return replace(
                quote,
                warning="The maximum fee is below the base fee: it waits until the price falls",
                detail=f"The next block asks {gwei(base)} gwei per gas, the maximum is {gwei(most)}.",
            )
        return quote


def gwei(wei: int) -> str:
    """Wei per gas as people read it: ``1.5``, ``0.000000007``, ``1,200``."""
    whole, rest = divmod(wei, GWEI)
    return f"{whole:,}" + (f".{rest:09d}".rstrip("0") if rest else "")


def _ceiling(chain: Chain) -> int:
    return chain.network.fee_ceiling_gwei * GWEI


def _bounded(chain: Chain, quote: FeeQuote) -> FeeQuote:
    """Never more than the ceiling; only a network whose next block alone costs more than that is refused."""
    ceiling = _ceiling(chain)
    if quote.price > ceiling:
        raise Denied(
            f"{chain.network.name} asks {gwei(quote.price)} gwei per gas, above its ceiling of {gwei(ceiling)}. "
            "Nothing was signed or sent.",
            "Wait until the price falls, or raise the ceiling in Settings, Networks.",
            retryable=True,
        )
    return replace(quote, max_fee_per_gas=min(quote.max_fee_per_gas, ceiling))


async def _asked(chain: Chain, method: str) -> int | None:
    """A number, or None from a node that does not know."""
    from app.chain.rpc import RpcFailure

    try:
        return _number(await chain.rpc.call(method))
    except RpcFailure:
        return None


async def _history(chain: Chain) -> Mapping[str, Any]:
    """``eth_feeHistory`` as far as it can be used; empty from a node without it."""
    from app.chain.rpc import RpcFailure

    try:
        history = await chain.rpc.call("eth_feeHistory", hex(HISTORY), "latest", list(PERCENTILES))
    except RpcFailure:
        return {}
    return history if isinstance(history, Mapping) else {}


def _next_base(chain: Chain, head: Block, base_fee: int, history: Mapping[str, Any]) -> tuple[int, str]:
    """The next block's base fee, and a note when the node tells another one.

    Chains may have other rules than mainnet's, so a node that asks more is believed, up to the ceiling: an offer under it would not
    be mined. One that asks less is not: the difference is never paid.
    """
    exact = next_base_fee(base_fee, int(head.raw.get("gasUsed", "0x0"), 16), int(head.raw.get("gasLimit", "0x0"), 16))
    told = history.get("baseFeePerGas")
    claimed = _number(told[-1]) if isinstance(told, Sequence) and not isinstance(told, str) and told else None
    # The history may be of an older or newer block than the head that was read: then the figures are of different blocks.
    start = _number(history.get("oldestBlock"))
    count = len(told) if claimed is not None and told else 0
    if claimed is None or claimed == exact or start is None or start + count - 1 != head.number + 1:
        return exact, ""
    if exact < claimed <= _ceiling(chain):
        return claimed, f"The node asks a base fee of {gwei(claimed)} gwei; by EIP-1559 its parent block makes it {gwei(exact)}."
    return exact, f"The node tells a base fee of {gwei(claimed)} gwei; by EIP-1559 its parent block makes it {gwei(exact)}."


def _rewards(history: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """Tips of the blocks that held transactions, one per percentile; whatever is no number, or falls, is left out."""
    found = []
    ratios = history.get("gasUsedRatio") or ()
    rewards = history.get("reward") or ()
    if not isinstance(ratios, list) or not isinstance(rewards, list):
        return []
    for ratio, reward in zip(ratios, rewards, strict=False):
        if (
            not ratio or not isinstance(reward, list) or len(reward) != len(PERCENTILES)
        ):  # an empty block paid no tips, not tips of 0
            continue
        numbers = [_number(tip) for tip in reward]
        known = tuple(number for number in numbers if number is not None)
        if len(known) == len(numbers):
            found.append(known)
    return found


def _tips(history: Mapping[str, Any], most: int) -> tuple[int, ...] | None:
    """Medians over the blocks, slow to fast and never falling; None when no block held anything that can be believed."""
    blocks = [rewards for rewards in _rewards(history) if max(rewards) <= most]
    if not blocks:
        return None
    medians = [sorted(column)[len(blocks) // 2] for column in zip(*blocks, strict=True)]
    return tuple(max(medians[: at + 1]) for at in range(len(medians)))


def _number(value: object) -> int | None:
    """A quantity of JSON-RPC; None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        number = int(value, 16)
    except ValueError:
        return None
    return number if 0 <= number < 2**256 else None


def _whole(value: object, name: str) -> int:
    text = str(value if value is not None else "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > 78:
        raise Invalid(
            f"The {name} is not a whole number of wei per gas. Nothing was signed.", "Enter a number, such as 2 gwei.", field="fee"
        )
    return int(text)
