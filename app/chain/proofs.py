"""State that is proven, not believed: ``eth_getProof`` checked against a header whose hash was recomputed here.

What a proven figure still hangs on is whose header it is; that is its trust, said beside its status. The raw answers are kept for
a while under the digest in the evidence, so that a bundle carries what was seen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.audit import verifier
from app.chain import abi
from app.chain.rpc import Rpc, RpcFailure
from app.core.canonical import digest
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Unavailable
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Figure, Trust

if TYPE_CHECKING:
    from app.chain.networks import Chain

KEPT = 256  # raw answers; a bundle asks for its own anew
CHECK = "eth_getProof against the state root of a recomputed header"
# OpenZeppelin 5.0 ERC20 without storage before it: balances at 0, allowances at 1, total supply at 2.
SUPPLY_SLOT = 2


@dataclass(frozen=True, slots=True)
class Header:
    """A block header whose hash was recomputed. ``raw`` is the node's answer."""

    number: int
    hash: str
    state_root: bytes
    timestamp: int
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Material:
    """What a proof was made of: the node's header and its ``eth_getProof`` answer."""

    header: dict[str, Any]
    proof: dict[str, Any]


class Proofs:
    """Asks for proofs and checks them.

    Args:
        witnesses: for a network id, URLs of further endpoints that are run by others. When one of them names the same block
            hash, the trust is "agreement of independent endpoints".
    """

    def __init__(self, *, witnesses: Callable[[str], Sequence[str]] | None = None) -> None:
        self._witnesses = witnesses
        self.material: OrderedDict[str, Material] = OrderedDict()

    async def header(self, chain: Chain, block: int | str = "latest") -> Header:
        """The header of a block, its hash recomputed.

        Raises:
            Unavailable: the node has no such block.
            Conflict: what it answered does not give the hash it claims.
        """
        method = "eth_getBlockByHash" if isinstance(block, str) and len(block) == 66 else "eth_getBlockByNumber"
        raw = await chain.rpc.call(method, hex(block) if isinstance(block, int) else block, False)
        if not isinstance(raw, dict):
            raise Unavailable(f"The node has no block {block}. Nothing was proven.", "Check that it is synced.", retryable=True)
        try:
            computed = "0x" + verifier.header_hash(raw).hex()
            number = verifier.quantity(raw["number"], 64)
            timestamp = verifier.quantity(raw["timestamp"], 64)
            root = verifier.hex_bytes(raw["stateRoot"], 32)
        except verifier.Refused as error:
            raise Conflict(f"The node's header of block {block} is malformed: {error}. Nothing was proven.") from error
        wrong_number = isinstance(block, int) and block != number
        if (
            computed != str(raw.get("hash", "")).lower()
            or wrong_number
            or (len(str(block)) == 66 and computed != str(block).lower())
        ):
            raise Conflict(
                f"The node's header of block {block} gives the hash {computed}, not the one it claims. Nothing was proven.",
                "Do not rely on this endpoint; use another.",
            )
        return Header(number, computed, root, timestamp, raw)

    async def storage(self, chain: Chain, address: str, slot: int, block: int | str = "latest") -> tuple[int, Evidence]:
        """A storage word and how far it is proven. Zero is proven by exclusion.

        On ``mismatch`` the word is what the node claimed; on ``unavailable`` it is 0 and means nothing.

        Raises:
            Unavailable: the node does not answer at all.
            Conflict: its header does not give the hash it claims.
        """
        header = await self.header(chain, block)
        try:
            answer = await self._ask(chain, address, slot, header.number)
        except RpcFailure as error:
            status, why = EvidenceStatus.UNAVAILABLE, f"The node gave no proof ({error.text})"
            return 0, await self._evidence(chain, header, address, status, why, "")
        # Between two requests the chain may have moved: only a proof at the same header says anything.
        again = await self.header(chain, header.number)
        if again.hash != header.hash:
            header, answer = again, await self._ask(chain, address, slot, again.number)
        kept = self._keep(Material(header.raw, answer))
        try:
            value = prove(header.state_root, address, slot, answer)
        except verifier.Refused as error:
            status, why = EvidenceStatus.MISMATCH, f"{CHECK}: {error}"
            return _claimed(answer), await self._evidence(chain, header, address, status, why, kept)
        return value, await self._evidence(chain, header, address, EvidenceStatus.INCLUDED, CHECK, kept)

    async def balance(self, chain: Chain, token: str, holder: str, slot_index: int, block: int | str = "latest") -> Figure:
        """A token balance, in the smallest unit, with its proof. What ``balanceOf`` claims is compared with it."""
        slot = verifier.mapping_slot(bytes.fromhex(holder[2:]), slot_index)
        return await self._figure(chain, token, slot, block, abi.encode_call(abi.ERC20, "balanceOf", [holder]))

    async def total_supply(self, chain: Chain, token: str, block: int | str = "latest", *, slot: int = SUPPLY_SLOT) -> Figure:
        """A token's total supply, in the smallest unit, with its proof. What ``totalSupply`` claims is compared with it."""
        return await self._figure(chain, token, slot, block, abi.encode_call(abi.ERC20, "totalSupply", []))

    async def _figure(self, chain: Chain, token: str, slot: int, block: int | str, question: str) -> Figure:
        value, evidence = await self.storage(chain, token, slot, block)
        try:
            said = await chain.rpc.call("eth_call", {"to": token, "data": question}, hex(int(evidence.ref)))
            claimed: int | None = int.from_bytes(verifier.hex_bytes(said, 32), "big")
        except (RpcFailure, verifier.Refused):
            claimed = None
        if evidence.status is EvidenceStatus.UNAVAILABLE:
            if claimed is None:
                raise Unavailable(
                    f"The node gives neither a proof nor a value at block {evidence.ref}. Nothing was read.",
                    "Use an archive node, or a newer block.",
                )
            value = claimed
        elif evidence.status is EvidenceStatus.INCLUDED and claimed is not None and claimed != value:
            why = f"{CHECK}: the contract claims {claimed}, the state root proves {value}"
            evidence = _changed(evidence, EvidenceStatus.MISMATCH, why)
        return Figure(value, "AZR", (evidence,), 18)

    async def _ask(self, chain: Chain, address: str, slot: int, block: int) -> dict[str, Any]:
        # Keys of 32 padded bytes: anvil and hardhat refuse shorter ones.
        answer = await chain.rpc.call("eth_getProof", address, [f"0x{slot:064x}"], hex(block))
        return answer if isinstance(answer, dict) else {}

    def _keep(self, material: Material) -> str:
        name = digest({"header": material.header, "proof": material.proof})
        self.material[name] = material
        while len(self.material) > KEPT:
            self.material.popitem(last=False)
        return name

    async def _evidence(
        self, chain: Chain, header: Header, address: str, status: EvidenceStatus, check: str, kept: str
    ) -> Evidence:
        proven = status is EvidenceStatus.INCLUDED
        return Evidence(
            kind=EvidenceKind.PROOF,
            ref=str(header.number),
            network=chain.network.key.text,
            block_hash=header.hash,
            read_at=now_ms(),
            status=status,
            check=check,
            trust=await self.trust(chain, header.number, header.hash) if proven else Trust.NONE,
            digest=kept,
        )

    async def trust(self, chain: Chain, number: int, block_hash: str) -> Trust:
        """What a header of this network hangs on."""
        if chain.network.own:
            return Trust.OWN_NODE
        for url in self._witnesses(chain.network.id) if self._witnesses else ():
            other = Rpc(url)
            try:
                block = await other.call("eth_getBlockByNumber", hex(number), False)
            except ConsoleError:
                continue
            finally:
                await other.close()
            if isinstance(block, dict) and str(block.get("hash", "")).lower() == block_hash:
                return Trust.ENDPOINTS
        return Trust.OPERATOR


def prove(state_root: bytes, address: str, slot: int, answer: dict[str, Any]) -> int:
    """The word that an ``eth_getProof`` answer proves.

    Raises:
        verifier.Refused: it proves nothing, or something else than it claims.
    """
    account = verifier.verify_account(state_root, bytes.fromhex(address[2:]), answer)
    entries = answer.get("storageProof")
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise verifier.Refused("the answer has no proof of the slot asked for")
    entry = entries[0]
    if not isinstance(entry.get("proof"), list):
        raise verifier.Refused("the proof of the slot is no list of nodes")
    value = verifier.verify_storage(account.storage_root, slot, [verifier.hex_bytes(node) for node in entry["proof"]])
    if verifier.quantity(entry.get("value")) != value:
        raise verifier.Refused(f"the node claims {entry.get('value')}, the state root proves {value}")
    return value


def _claimed(answer: dict[str, Any]) -> int:
    try:
        return verifier.quantity(answer["storageProof"][0]["value"])
    except (verifier.Refused, KeyError, IndexError, TypeError):
        return 0


def _changed(evidence: Evidence, status: EvidenceStatus, check: str) -> Evidence:
    from dataclasses import replace

    return replace(evidence, status=status, check=check, trust=Trust.NONE)
