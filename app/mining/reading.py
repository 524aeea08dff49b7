"""Reading contracts of the economy: views, roles, logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.core.errors import ConsoleError, NotFound, Unavailable
from app.mining.abis import MINT_MINE, Abi
from app.operations.plans import Fee
from app.wallets.keys import checksum, keccak

if TYPE_CHECKING:
    from app.chain import Chain, Fees

AT_ONCE = 200  # views in one request
ROLE_GRANTED = keccak(b"RoleGranted(bytes32,address,address)")


def topic(word: bytes) -> str:
    """32 bytes as a log's topic."""
    return "0x" + word.hex()


async def read(chain: Chain, contract: str, abi_of: Abi, name: str, args: Sequence[object], block: int | str = "latest") -> object:
    """What a view with one output returns at a block."""
    from app.chain import abi

    at = hex(block) if isinstance(block, int) else block
    answer = await chain.rpc.call("eth_call", {"to": contract, "data": abi.encode_call(abi_of, name, list(args))}, at)
    decoded = abi.decode_output(abi_of, name, answer)
    return decoded[0] if isinstance(decoded, (list, tuple)) and len(decoded) == 1 else decoded


async def read_many(
    chain: Chain, contract: str, abi_of: Abi, asked: Sequence[tuple[str, Sequence[object]]], block: int | str = "latest"
) -> list[int]:
    """What views with one word each return at a block, asked in few requests: integers, and booleans as 0 and 1.

    Raises:
        Unavailable: there is no such contract at this block; a killed node that forgot its deployment gets it again.
    """
    at = hex(block) if isinstance(block, int) else block
    found: list[int] = []
    for start in range(0, len(asked), AT_ONCE):
        data = [_call_data(abi_of, name, args) for name, args in asked[start : start + AT_ONCE]]
        answers = await chain.rpc.batch([("eth_call", [{"to": contract, "data": item}, at]) for item in data])
        if any(len(str(answer)) <= len("0x") for answer in answers):
            raise Unavailable(
                f"Nothing answers at {contract} on {chain.network.name}. Nothing was read or changed.",
                "A node that was killed may have forgotten the contract: wait until its transactions were sent again.",
                retryable=True,
            )
        found += [int(str(answer), 16) for answer in answers]
    return found


def _call_data(abi_of: Abi, name: str, args: Sequence[object]) -> str:
    """Call data. A batch asks hundreds of views for one hash each, which is a word as it stands; the rest is the encoder's."""
    from app.chain import abi

    (entry, *others) = [each for each in abi_of if each.get("name") == name and each.get("type") == "function"]
    if not others and len(args) == 1 and abi.types_of(entry["inputs"]) == ["bytes32"]:
        (word,) = args
        if isinstance(word, bytes) and len(word) == 32:
            return f"0x{abi.selector(entry).hex()}{word.hex()}"
    return abi.encode_call(abi_of, name, list(args))


async def has_role(chain: Chain, contract: str, role: bytes, account: str) -> bool:
    """``hasRole`` of OpenZeppelin's AccessControl, now."""
    return bool(await read(chain, contract, MINT_MINE, "hasRole", [role, account]))


async def find_holder(chain: Chain, contract: str, role: bytes, start_block: int) -> str:
    """An account that holds a role now, found in the contract's grants.

    Raises:
        NotFound: nobody holds it.
    """
    grants = await logs(chain, contract, [topic(ROLE_GRANTED), topic(role)], start_block)
    for entry in reversed(grants):
        account = checksum(bytes.fromhex(str(entry["topics"][2])[-40:]))
        if await has_role(chain, contract, role, account):
            return account
    raise NotFound(f"Nobody administers the contract {contract}. Nothing was simulated.", "Its roles were given up.")


async def logs(chain: Chain, address: str, topics: Sequence[object], first: int, last: int | None = None) -> list[dict[str, Any]]:
    """Logs of one contract over a range of blocks, in order; ranges that an endpoint refuses are halved."""
    end = last if last is not None else (await chain.head()).number
    if first > end:
        return []
    asked = {"address": address, "topics": list(topics), "fromBlock": hex(first), "toBlock": hex(end)}
    try:
        found: list[dict[str, Any]] = await chain.rpc.call("eth_getLogs", asked)
        return found
    except ConsoleError as error:
        if first == end or isinstance(error, Unavailable):
            raise
        middle = (first + end) // 2
        return [*await logs(chain, address, topics, first, middle), *await logs(chain, address, topics, middle + 1, end)]


async def fee_of(fees: Fees, chain: Chain, gas: int, params: Mapping[str, object]) -> Fee:
    """Estimate and limit for some gas at the present price; the limit leaves a fifth for what moves between now and then."""
    return (await fees.quote_for(chain, params)).fee(gas, chain.network.symbol)
