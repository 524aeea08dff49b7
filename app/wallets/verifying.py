"""Checking signatures of others: by the curve, and by asking a contract (EIP-1271)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.wallets import keys, messages, typed

if TYPE_CHECKING:
    from app.chain import Networks

IS_VALID = "0x1626ba7e"  # isValidSignature(bytes32,bytes), which is also what it answers (EIP-1271)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of a signature found.

    Attributes:
        valid: it is the address's signature over exactly this.
        signer: who signed by the curve; empty when nobody can be recovered.
        how: ``key``, or ``contract`` (EIP-1271, asked at the block of ``evidence``).
        text: the finding as a sentence.
    """

    valid: bool
    address: str
    signer: str
    digest: bytes
    how: str
    form: str
    text: str
    evidence: Evidence | None = None


class Verifying:
    """The part of the wallets that checks signatures; needs no key."""

    _networks: Networks

    async def verify_typed(self, address: str, text: str, signature: str | bytes, network_id: str = "") -> Verified:
        """Whether an address signed this typed data; with a network also contracts are asked (EIP-1271).

        Raises:
            Invalid: typed data, address or signature cannot be read. Nothing was checked.
        """
        return await self._verify(address, typed.parse(text).digest, signature, network_id)

    async def verify_message(
        self, address: str, content: str | bytes, signature: str | bytes, network_id: str = "", validator: str = ""
    ) -> Verified:
        """Whether an address signed this message. Raises as :meth:`verify_typed`."""
        return await self._verify(address, messages.message(content, validator).digest, signature, network_id)

    async def _verify(self, address: str, digest: bytes, given: str | bytes, network_id: str) -> Verified:
        claimed, signature = keys.parse_address(address), messages.signature(given)
        try:
            signer, refused = messages.signer_of(digest, signature), ""
        except Invalid as error:
            signer, refused = "", error.message
        if signer == claimed:
            text = f"{claimed} signed exactly this."
            return Verified(True, claimed, signer, digest, "key", signature.form.value, text)
        why = refused or f"It was signed by {signer}, or over something else: not by {claimed} over this."
        if not network_id:
            if signature.form is messages.Form.OTHER:
                why = f"{why} Only a contract could accept it: name a network to ask."
            return Verified(False, claimed, signer, digest, "key", signature.form.value, why)
        return await self._ask_contract(claimed, digest, signature, network_id, signer, why)

    async def _ask_contract(
        self, claimed: str, digest: bytes, signature: messages.Signature, network_id: str, signer: str, why: str
    ) -> Verified:
        """EIP-1271 at the newest block."""
        from app.chain.rpc import RpcFailure

        chain = await self._networks.connect(network_id)
        head = await chain.head()
        at = hex(head.number)
        if str(await chain.rpc.call("eth_getCode", claimed, at)) in ("0x", ""):
            return Verified(False, claimed, signer, digest, "key", signature.form.value, why)
        raw = signature.raw
        padded = raw.ljust(-(-len(raw) // 32) * 32, b"\0")
        data = IS_VALID + digest.hex() + f"{64:064x}" + f"{len(raw):064x}" + padded.hex()
        try:
            answer = str(await chain.rpc.call("eth_call", {"to": claimed, "data": data}, at))
        except RpcFailure as error:
            answer = f"refusal ({error.text})"
        # bytes4 is left-aligned in its word; anything else, longer or shorter, is no.
        valid = answer.lower() == IS_VALID + "0" * 56
        evidence = Evidence(
            EvidenceKind.BLOCK,
            str(head.number),
            network=chain.network.key.text,
            block_hash=head.hash,
            read_at=now_ms(),
            status=EvidenceStatus.CLAIMED,
            check="isValidSignature of the contract (EIP-1271)",
            trust=Trust.NONE,
        )
        where = f"in block {head.number:,} of {chain.network.name}"
        text = f"The contract {claimed} accepts it {where}." if valid else f"The contract {claimed} does not accept it {where}."
        return Verified(valid, claimed, signer, digest, "contract", signature.form.value, text, evidence)
