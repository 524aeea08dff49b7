"""Events of a contract, newest first, a page at a time: filtered by the node, decoded by the ABI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.chain import abi as abis
from app.chain.hashing import keccak256
from app.chain.rpc import RpcFailure
from app.contracts.interfaces import Interface, Interfaces
from app.contracts.values import array_of, called, members_of, read_value, shown
from app.core.clock import now_ms
from app.core.errors import ConsoleError, Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus

if TYPE_CHECKING:
    from app.chain import Chain, Networks

WINDOW = 5_000  # blocks of one question; what a node refuses is halved
MOST_WINDOWS = 200  # of one page, so that a silent contract on a long chain does not take for ever


@dataclass(frozen=True, slots=True)
class EventRow:
    """One log. ``values`` are (name, value) as ``app.contracts.values.shown`` gives them; ``event`` is empty when no ABI fits."""

    event: str
    values: tuple[tuple[str, object], ...]
    block: int
    index: int
    tx_hash: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class EventPage:
    """Rows of blocks ``first`` to ``last``, newest first. ``next`` is the height at which the following page ends; -1: none."""

    rows: tuple[EventRow, ...]
    first: int
    last: int
    next: int


class Events:
    """Reads logs; nothing is kept."""

    def __init__(self, interfaces: Interfaces, networks: Networks) -> None:
        self._interfaces = interfaces
        self._networks = networks

    async def page(
        self,
        network_id: str,
        ref: str,
        event: str = "",
        indexed: Mapping[str, object] | None = None,
        first: int | None = None,
        last: int | None = None,
        limit: int = 100,
    ) -> EventPage:
        """The newest events of a range of blocks.

        Args:
            event: only these; empty: all.
            indexed: values that indexed arguments must have, by name, as written. Needs ``event``.
            first: height; None: where the contract was created, as far as that is known.
            last: height; None: the newest.
            limit: rows; the block that reaches it is given whole.

        Raises:
            Invalid: an argument is not indexed, or does not fit its type; ``field`` names it.
            NotFound: no such contract or event.
        """
        interface = await self._interfaces.get(network_id, ref)
        topics = topics_of(interface, event, indexed or {})
        chain = await self._networks.connect(network_id)
        end = (await chain.head()).number if last is None else last
        begin = max(0, interface.first_block if first is None else first)
        found: list[Mapping[str, Any]] = []
        low = end + 1
        for _ in range(MOST_WINDOWS):
            if low <= begin or len(found) >= limit:
                break
            high, low = low - 1, max(begin, low - WINDOW)
            logs = await read_logs(chain, interface.address, topics, low, high)
            found += sorted(logs, key=_place, reverse=True)
        rows = [self._row(chain, interface, log) for log in found]
        if len(rows) > limit:
            low = rows[limit - 1].block
            rows = [row for row in rows if row.block >= low]
        return EventPage(tuple(rows), min(low, end), end, low - 1 if low > begin else -1)

    def _row(self, chain: Chain, interface: Interface, log: Mapping[str, Any]) -> EventRow:
        block, index, tx_hash = int(log["blockNumber"], 16), int(log["logIndex"], 16), str(log["transactionHash"])
        name, values = decoded(interface, log)
        evidence = Evidence(
            EvidenceKind.LOG,
            f"{tx_hash}#{index}",
            network=chain.network.key.text,
            block_hash=str(log["blockHash"]),
            read_at=now_ms(),
            status=EvidenceStatus.CLAIMED,
            check="eth_getLogs",
        )
        return EventRow(name, values, block, index, tx_hash, evidence)


def topics_of(interface: Interface, event: str, indexed: Mapping[str, object]) -> list[str | None]:
    """What the node filters by: the event, and the values of indexed arguments. Raises as :meth:`Events.page`."""
    if not event:
        if indexed:
            raise Invalid("Arguments can be filtered of one event only. Nothing was read.", "Choose an event.", field="event")
        return []
    entry = interface.event(event)
    parameters = {called(each, at): each for at, each in enumerate(entry["inputs"]) if each.get("indexed")}
    if unknown := [name for name in indexed if name not in parameters]:
        raise Invalid(
            f"{unknown[0]} is no indexed argument of {event}. Nothing was read.",
            f"Indexed are: {', '.join(parameters) or 'none'}.",
            field=unknown[0],
        )
    topics: list[str | None] = [None if entry.get("anonymous") else abis.topic(entry)]
    topics += [_topic(each, indexed[name], name) if name in indexed else None for name, each in parameters.items()]
    while topics and topics[-1] is None:
        topics.pop()
    return topics


def decoded(interface: Interface, log: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, object], ...]]:
    """Event and values of a log; an empty name and the raw words where the ABI does not fit."""
    for entry in interface.events:
        inputs = [{**each, "name": called(each, at)} for at, each in enumerate(entry["inputs"])]
        try:
            read = abis.decode_log([{**entry, "inputs": inputs}], log)
        except ConsoleError:  # the same topic with other data: another contract's idea of this event
            continue
        if read is not None:
            values = read[1]
            return read[0], tuple((str(each["name"]), _value(each, values[each["name"]])) for each in inputs)
    words = [(f"topic {at}", str(topic)) for at, topic in enumerate(log["topics"])]
    return "", (*words, ("data", str(log["data"])))


async def read_logs(
    chain: Chain, address: str, topics: Sequence[str | list[str] | None], first: int, last: int
) -> list[dict[str, Any]]:
    """Logs of a range in order; a range that the node refuses as too long or too full is halved.

    Raises:
        Unavailable: the node does not answer. RpcFailure: it refuses a single block too, or has no logs at all.
    """
    asked = {"address": address, "topics": list(topics), "fromBlock": hex(first), "toBlock": hex(last)}
    try:
        found: list[dict[str, Any]] = await chain.rpc.call("eth_getLogs", asked)
        return found
    except RpcFailure as error:
        if first == last or error.unknown_method:  # a shorter range would be refused as well
            raise
        middle = (first + last) // 2
        lower = await read_logs(chain, address, topics, first, middle)
        return lower + await read_logs(chain, address, topics, middle + 1, last)


def _place(log: Mapping[str, Any]) -> tuple[int, int]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)


def _dynamic(parameter: Mapping[str, Any]) -> bool:
    """Of an indexed argument of such a type the log has only the hash."""
    return parameter["type"] in ("string", "bytes") or array_of(parameter) is not None or members_of(parameter) is not None


def _value(parameter: Mapping[str, Any], value: Any) -> object:
    return str(value) if parameter.get("indexed") and _dynamic(parameter) else shown(parameter, value)


def _topic(parameter: Mapping[str, Any], given: object, name: str) -> str:
    value = read_value(parameter, given, name)
    if isinstance(value, str) and parameter["type"] == "string":
        return "0x" + keccak256(value.encode()).hex()
    if isinstance(value, bytes) and parameter["type"] == "bytes":
        return "0x" + keccak256(value).hex()
    if _dynamic(parameter):
        raise Invalid(f"{name} is a list or a struct, which cannot be filtered. Nothing was read.", field=name)
    return "0x" + abis.encode([abis.type_of(parameter)], [value]).hex()
