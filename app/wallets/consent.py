"""What a signature would mean, as a preview says it: checks, decoded values, and the signature itself as an effect."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.operations.plans import Call, Effect, Verdict, VerdictLevel
from app.wallets.accounts import Account, AccountKind, KeyState
from app.wallets.messages import Message
from app.wallets.typed import DOMAIN, FieldNode, TypedData

if TYPE_CHECKING:
    from app.chain import Network


def chain_verdict(data: TypedData, network: Network, collision: str) -> Verdict:
    """Whether the domain names the network's chain. Another one blocks: the signature would count where nobody looked."""
    if data.chain_id is None:
        return Verdict(
            "sign.chain",
            VerdictLevel.WARNING,
            "The domain names no chain: the signature counts on every chain where this contract is",
            f"Chosen network: {network.name}, chain {network.chain_id}.",
        )
    if data.chain_id != network.chain_id:
        return Verdict(
            "sign.chain",
            VerdictLevel.BLOCK,
            f"The domain names chain {data.chain_id}, but {network.name} is chain {network.chain_id}",
            "Nothing is signed for another chain. Choose the network for which it is meant, or ask for the data again.",
        )
    return Verdict("sign.chain", VerdictLevel.PASS, f"The domain names chain {data.chain_id}, which is {network.name}", collision)


def contract_verdict(data: TypedData, names: Mapping[str, str]) -> Verdict:
    if not data.contract:
        return Verdict("sign.contract", VerdictLevel.NOTE, "The domain names no contract, so none was compared")
    if data.contract in names:
        return Verdict("sign.contract", VerdictLevel.PASS, f"The verifying contract is {names[data.contract]}", data.contract)
    return Verdict(
        "sign.contract",
        VerdictLevel.WARNING,
        "The verifying contract is not known to this console",
        f"{data.contract}. A domain's name is what its author wrote: compare the address with its source.",
    )


def key_verdict(signer: Account) -> Verdict:
    if signer.kind is AccountKind.WATCH or signer.key_state is KeyState.MISSING:
        return Verdict("sign.key", VerdictLevel.BLOCK, f"This console has no key for {signer.label}", "It can be looked at only.")
    if signer.kind is AccountKind.EXTERNAL:
        return Verdict("sign.key", VerdictLevel.NOTE, "A signer elsewhere is asked for the signature", signer.signer)
    if signer.key_state is KeyState.UNKNOWN:
        return Verdict("sign.key", VerdictLevel.WARNING, "The keyring does not answer", "Open it before you confirm.")
    return Verdict("sign.key", VerdictLevel.PASS, f"{signer.label} can sign", signer.address)


def value_proof(data: TypedData) -> list[Verdict]:
    if data.primary_type != "ValueProof" or data.name != "Azora MintMine":
        return []
    return [
        Verdict(
            "sign.value_proof",
            VerdictLevel.WARNING,
            "This is a proof of value: with an attester's signature anybody can mint its reward",
            "Proofs that this console holds are signed in Mining, where policy and queue are checked.",
        )
    ]


def stands_for(data: TypedData) -> list[Verdict]:
    """Warnings about a message that speaks of something else: a transaction that others carry out, or hashes alone."""
    said = data.message
    kinds = {field.name: field.type for field in data.types[data.primary_type]}
    if kinds.get("to") == "address" and kinds.get("value") == "uint256" and kinds.get("data") == "bytes":
        payload = said["data"]
        size = len(payload) if isinstance(payload, bytes) else 0
        delegated = " It runs the code of another contract in this one’s place." if said.get("operation") == 1 else ""
        return [
            Verdict(
                "sign.transaction",
                VerdictLevel.WARNING,
                f"It stands for a transaction to {said['to']} with {said['value']} wei and {size:,} bytes of data",
                f"Whoever holds the signature may have a contract carry it out.{delegated}",
            )
        ]
    if all(leaf.type == "bytes32" for leaf in data.leaves()):
        return [
            Verdict(
                "sign.hashes",
                VerdictLevel.WARNING,
                "The message is made of hashes alone: it says nothing about what they stand for",
                "Sign it only if you computed them yourself.",
            )
        ]
    return []


def signature_effect(signer: Account, digest: bytes) -> Effect:
    return Effect("signature", signer.address, "", "0x" + digest.hex(), label=signer.label)


def typed_calls(data: TypedData, names: Mapping[str, str], ours: Collection[str]) -> tuple[Call, ...]:
    """Message and domain, value by value, in the form in which a preview shows arguments.

    ``ours`` are the economy's contracts, whose source this console has; a contact or an own account is only known by name.
    """
    known = data.contract in ours
    contract = names.get(data.contract, "") or visible(data.name)

    def values(nodes: Sequence[FieldNode], root: str) -> tuple[tuple[str, str], ...]:
        return tuple((leaf.path.removeprefix(f"{root}."), visible(leaf.value)) for node in nodes for leaf in node.leaves())

    return (
        Call(contract, data.contract, data.primary_type, values(data.fields, "message"), verified=known),
        Call(contract, data.contract, DOMAIN, values(data.domain_fields, "domain"), verified=known),
    )


def message_call(said: Message) -> Call:
    shown = ("text", visible(said.text)) if said.text is not None else ("bytes", "0x" + said.data.hex())
    length = ("length", f"{len(said.data)} bytes")
    if said.validator:
        return Call("", said.validator, "EIP-191 data for a validator", (("validator", said.validator), shown, length))
    return Call("", "", "personal_sign", (shown, length))


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def visible(text: str) -> str:
    """A text of somebody else's on one line: what cannot be seen, or breaks the line, is written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
