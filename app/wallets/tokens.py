"""Tokens: which are looked at on a network, and how each is named so that none passes for another."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Invalid, NotFound
from app.wallets.keys import checksum, parse_address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import sqlalchemy as sa

    from app.chain import Chain, Economy, Networks
    from app.database import Database

MOST_DECIMALS = 77  # 10⁷⁸ is more than a uint256 holds
SYMBOL_LENGTH = 24
NATIVE_DECIMALS = 18
_SYMBOL, _DECIMALS = "0x95d89b41", "0x313ce567"  # symbol(), decimals()
# Letters of other alphabets that look like Latin ones (Unicode TS 39, the part that symbols use).
_CONFUSED = str.maketrans("АВЕЅІЈКМНОРСТХУΑΒΕΖΗΙΚΜΝΟΡΤΥΧаеорсухіјѕο01", "ABESIJKMHOPCTXYABEZHIKMNOPTYXaeopcyxijsool")


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """How a token shows its amounts. ``address`` is empty for the native coin; ``symbol`` names one token of a network only."""

    address: str
    symbol: str
    decimals: int
    name: str = ""


class Tokens:
    """The tokens of each network: its coin, AZR where there is an economy, and those that were added. Adding is an edit."""

    def __init__(self, database: Database, networks: Networks, economy_of: Callable[[str], Awaitable[Economy | None]]) -> None:
        self._database = database
        self._networks = networks
        self._economy_of = economy_of

    async def list(self, network_id: str) -> TokenList:
        """The native coin, AZR, then the added tokens by symbol. The network is not asked."""
        network = self._networks.get(network_id)
        economy = await self._economy_of(network.key.text)
        found = [TokenInfo("", network.symbol, NATIVE_DECIMALS)]
        if economy is not None:
            found.append(_of_economy(economy))
        added = [token for token in await self._added(network.key.text) if token.address not in {one.address for one in found}]
        return [*found, *sorted(added, key=lambda token: token.symbol.casefold())]

    async def named(self, network_id: str, symbol: str) -> str:
        """The contract of a listed token, by its symbol in any case.

        Raises:
            NotFound: no listed token is called so.
        """
        known = {token.symbol.casefold(): token.address for token in await self.list(network_id)}
        if (address := known.get(symbol.strip().casefold())) is None:
            raise NotFound(
                f"No token “{symbol}” is known on {self._networks.get(network_id).name}. Nothing was done.",
                "Give the address of its contract, or add it once: azora wallet tokens add ADDRESS",
                field="token",
            )
        return address

    async def add(self, network_id: str, address: str) -> TokenInfo:
        """Look at a token from now on, after asking its contract for symbol and decimals.

        Raises:
            Invalid: there is no ERC-20 contract at that address.
            Conflict: it is looked at already.
            Unavailable: the network does not answer. Nothing was added.
        """
        from app.wallets.tables import tokens

        wanted = parse_address(address, "token")
        chain = await self._networks.connect(network_id)
        listed = await self.list(network_id)
        known = next((token for token in listed if token.address == wanted), None)
        if known is not None:
            raise Conflict(
                f"{wanted} is in the list already, as {known.symbol}. Nothing was added.", "Use that one.", field="token"
            )
        token = _apart(await _ask(chain, wanted), listed)
        row = {
            "network": chain.network.key.text,
            "address": bytes.fromhex(wanted[2:]),
            "symbol": token.symbol,
            "decimals": token.decimals,
            "added_at": now_ms(),
        }
        await self._database.write(lambda connection: connection.execute(tokens.insert().values(row)))
        return token

    async def remove(self, network_id: str, address: str) -> TokenInfo:
        """Look at a token no longer; what accounts hold of it stays theirs.

        Raises:
            NotFound: it is not among the added ones.
        """
        from app.wallets.tables import tokens

        key, wanted = self._networks.get(network_id).key.text, parse_address(address, "token")
        known = next((token for token in await self._added(key) if token.address == wanted), None)
        if known is None:
            raise NotFound(
                f"{wanted} is not among the added tokens. Nothing was changed.", "Look at the list of tokens.", field="token"
            )
        where = (tokens.c.network == key, tokens.c.address == bytes.fromhex(wanted[2:]))
        await self._database.write(lambda connection: connection.execute(tokens.delete().where(*where)))
        return known

    async def info(self, chain: Chain, address: str) -> TokenInfo:
        """Symbol and decimals of a token, added or not; an empty address is the native coin.

        Raises:
            Invalid: there is no ERC-20 contract at that address.
        """
        listed = await self.list(chain.network.id)
        known = next((token for token in listed if token.address == address), None)
        return known or _apart(await _ask(chain, address), listed)

    async def _added(self, key: str) -> TokenList:
        from app.wallets.tables import tokens

        def read(connection: sa.Connection) -> TokenList:
            found = connection.execute(tokens.select().where(tokens.c.network == key).order_by(tokens.c.added_at))
            return [TokenInfo(checksum(row.address), row.symbol, int(row.decimals), "ERC-20") for row in found]

        return await self._database.read(read)


async def token_info(chain: Chain, address: str, economy: Economy | None) -> TokenInfo:
    """A token told apart from the native coin and AZR only; :meth:`Tokens.info` knows the added ones too.

    Raises:
        Invalid: there is no ERC-20 contract at that address.
    """
    listed = [TokenInfo("", chain.network.symbol, NATIVE_DECIMALS), *([_of_economy(economy)] if economy is not None else [])]
    known = next((token for token in listed if token.address == address), None)
    return known or _apart(await _ask(chain, address), listed)


TokenList = list[TokenInfo]  # the verb `list` of Tokens hides the type of the same name


def _of_economy(economy: Economy) -> TokenInfo:
    return TokenInfo(parse_address(economy.token), economy.token_symbol, economy.decimals, "AzoraToken")


async def _ask(chain: Chain, address: str) -> TokenInfo:
    try:
        answers = await chain.rpc.batch([("eth_call", [{"to": address, "data": data}, "latest"]) for data in (_SYMBOL, _DECIMALS)])
        symbol, decimals = _text(str(answers[0])), int(str(answers[1]), 16)
    except (ConsoleError, ValueError) as error:
        if isinstance(error, ConsoleError) and error.retryable:
            raise
        raise _no_token(chain, address) from error
    if decimals > MOST_DECIMALS:
        raise Invalid(
            f"{address} claims more decimals than an amount can have. Nothing was done with it.",
            f"An honest token has at most {MOST_DECIMALS}.",
            field="token",
        )
    return TokenInfo(address, symbol, decimals, "ERC-20")


def _no_token(chain: Chain, address: str) -> Invalid:
    return Invalid(
        f"{address} does not answer as an ERC-20 token on {chain.network.name}. Nothing was planned.",
        "Check the network and the token's address.",
        field="token",
    )


def _text(answer: str) -> str:
    """The text of ``symbol()``: an ABI string, or bytes32 as some old tokens return it; only visible characters, at most 24."""
    raw = bytes.fromhex(answer.removeprefix("0x"))
    if len(raw) >= 64:
        length = int.from_bytes(raw[32:64], "big")
        raw = raw[64 : 64 + length]
    return "".join(c for c in raw.rstrip(b"\0").decode("utf-8", "ignore") if c.isprintable())[:SYMBOL_LENGTH].strip()


def _apart(token: TokenInfo, listed: Iterable[TokenInfo]) -> TokenInfo:
    """The token under a symbol that no listed one has, whatever letters it is written with."""
    taken = {skeleton(one.symbol) for one in listed if one.address != token.address} | {skeleton("AZR")}
    symbol = token.symbol or "unnamed"
    if skeleton(symbol) in taken or not token.symbol:
        symbol = f"{symbol} token"
    if skeleton(symbol) in taken:
        symbol = f"{symbol} {token.address[:6]}…{token.address[-4:]}"
    return replace(token, symbol=symbol)


def skeleton(symbol: str) -> str:
    """What a symbol looks like, whatever letters it is made of: equal skeletons are hard to tell apart."""
    plain = unicodedata.normalize("NFKC", symbol).translate(_CONFUSED)
    return "".join(c for c in plain.casefold() if not c.isspace()).replace("l", "i")
