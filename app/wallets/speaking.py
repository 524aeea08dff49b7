"""Signing what is no transaction: typed data (EIP-712) and messages (EIP-191), as plans; and checking signatures of others.

Nothing goes on chain by signing; but a signature may be worth money to whoever holds it. So it is a plan like any other: every
field is shown, the chain is checked, and the receipt carries the signature.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, NotFound
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.core.money import exact_units
from app.operations.plans import Effect, Plan, Preview, StepSpec, StepState, Verdict, VerdictLevel
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext
from app.wallets import consent, keys, messages, typed
from app.wallets.creation import CONSOLE
from app.wallets.permits import Permitted, permissions
from app.wallets.recipients import contract_names
from app.wallets.signing import Signing
from app.wallets.strict_json import brief
from app.wallets.verifying import Verifying

if TYPE_CHECKING:
    from app.chain import Network
    from app.wallets.accounts import Account
    from app.wallets.recipients import Book

SIGN = "wallets.sign"
ALLOWANCE = "0xdd62ed3e"  # allowance(address,address)
EVERYBODY = frozenset({"administrator", "developer"})


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that a plan of kind ``wallets.sign`` made. ``signature`` is 65 bytes ``r ‖ s ‖ v`` (27 or 28)."""

    plan: str
    address: str
    form: str  # "typed", "message" or "validator"
    digest: bytes
    signature: bytes
    content: str  # the typed data as JSON text, or the bytes of the message as 0x…
    validator: str
    network: str
    signed_at: int

    def to_json(self) -> str:
        """Everything that a verifier needs, as JSON text."""
        data: dict[str, object] = {
            "address": self.address,
            "standard": {"typed": "EIP-712", "message": "EIP-191 version 0x45", "validator": "EIP-191 version 0x00"}[self.form],
            "signature": "0x" + self.signature.hex(),
            "digest": "0x" + self.digest.hex(),
            "plan": self.plan,
            "signedAt": datetime.fromtimestamp(self.signed_at / 1000, UTC).isoformat(timespec="seconds"),
        }
        if self.form == "typed":
            read = typed.parse(self.content)
            data |= {"domainHash": "0x" + read.domain_hash.hex(), "messageHash": "0x" + read.message_hash.hex()}
            data |= {"network": self.network, "typedData": self.content}  # as text: its numbers and order stay as they were
        else:
            said = messages.Message(bytes.fromhex(self.content[2:]), self.validator)
            data |= {"message": self.content, "text": said.text}
            data |= {"validator": self.validator} if self.validator else {}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


class SignStep(Step):
    """Signs one digest. What is stored before is the signature itself: there is nothing to send."""

    needs_key: ClassVar[bool] = True

    def __init__(self, speaking: Speaking) -> None:
        self._speaking = speaking

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        params = context.plan.params
        address, said = str(params["account"]), content_of(params)
        if "0x" + said.digest.hex() != str(params["digest"]):
            raise Conflict("The message no longer gives the digest that was previewed. Nothing was signed.", "Plan it again.")
        if isinstance(said, typed.TypedData):
            signature = await self._speaking.sign_typed(address, said, context.plan.id)
        else:
            signature = await self._speaking.sign_message(address, said, context.plan.id)
        if messages.signer_of(said.digest, messages.signature(signature)) != address:
            raise Conflict(
                "The signature that came back is not that account's. It was thrown away.", "Check where the account signs."
            )
        return {"signature": "0x" + signature.hex(), "digest": "0x" + said.digest.hex(), "address": address}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        context.report(f"Signed by {prepared['address']}. Nothing was sent.")

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        evidence = Evidence(
            EvidenceKind.PROOF,
            str(prepared["digest"]),
            network=str(context.plan.params.get("network", "")),
            read_at=now_ms(),
            status=EvidenceStatus.ASSERTED,
            check=f"the signature over this digest recovers to {prepared['address']}",
            trust=Trust.OPERATOR,
        )
        return Outcome(Happened.DONE, dict(prepared), (evidence,))


class Speaking(Verifying, Signing):
    """The part of the wallets that signs typed data and messages, and verifies signatures."""

    if TYPE_CHECKING:  # of Money

        async def book(self) -> Book: ...

    def _learn_to_speak(self) -> None:
        """Tell operations about plans of this kind; called once by the constructor."""
        self._operations.register_step(SIGN, lambda plan, spec: SignStep(self))
        self._operations.register_kind(
            PlanKind(SIGN, self._preview_signing, self._measure_signing, EVERYBODY, undo="A signature cannot be called back.")
        )

    # Typed data and messages

    async def parse_typed(self, text: str) -> typed.TypedData:
        """Typed data (EIP-712, ``eth_signTypedData_v4``) as fields, domain, hashes and what a reader should know.

        Raises:
            Invalid: the text contradicts itself or the standard. Nothing was signed.
        """
        return typed.parse(text)

    async def plan_sign_typed(self, account: str, text: str, network_id: str) -> Plan:
        """Plan a signature over typed data. Its preview blocks when the domain names another chain than the network's.

        Args:
            account: address or label of who signs.
            text: JSON as ``eth_signTypedData_v4`` takes it.
            network_id: the network on which the signature is meant to count; it need not answer.

        Raises:
            Invalid: the typed data contradicts itself. Nothing was planned.
            NotFound: no such account or network.
        """
        read, signer, network = typed.parse(text), await self.get(account), self._networks.get(network_id)
        params = {
            "network": network.key.text,
            "network_id": network.id,
            "account": signer.address,
            "form": "typed",
            "content": text,
            "validator": "",
            "digest": "0x" + read.digest.hex(),
        }
        title = f"Sign “{brief(read.primary_type)}” as {signer.label}"
        return await self._plan_signing(title, replace(network.target(), quick=False), params)

    async def plan_sign_message(self, account: str, content: str | bytes, validator: str = "") -> Plan:
        """Plan a signature over a message: ``personal_sign``, or with ``validator`` version 0x00 of EIP-191.

        Raises:
            Invalid: the message is too long. Nothing was planned.
            NotFound: no such account.
        """
        said, signer = messages.message(content, validator), await self.get(account)
        params = {
            "network": "",
            "network_id": "",
            "account": signer.address,
            "form": "validator" if said.validator else "message",
            "content": "0x" + said.data.hex(),
            "validator": said.validator,
            "digest": "0x" + said.digest.hex(),
        }
        return await self._plan_signing(f"Sign a message as {signer.label}", replace(CONSOLE, quick=False), params)

    async def signed(self, plan_id: str) -> Signed:
        """The signature that a plan made.

        Raises:
            NotFound: no such plan, or it has signed nothing (yet).
        """
        plan = await self._operations.get(plan_id)
        if plan.kind != SIGN or plan.steps[0].state is not StepState.DONE:
            raise NotFound(f"{plan.name} has no signature.", "Look at how it ended.")
        params, step = plan.params, plan.steps[0]
        return Signed(
            plan=plan.name,
            address=str(params["account"]),
            form=str(params["form"]),
            digest=bytes.fromhex(str(params["digest"])[2:]),
            signature=bytes.fromhex(str(step.result["signature"])[2:]),
            content=str(params["content"]),
            validator=str(params["validator"]),
            network=str(params["network"]),
            signed_at=step.ended_at,
        )

    # What a key elsewhere must see for itself: external signers override these two

    async def sign_typed(self, address: str, data: typed.TypedData, plan_id: str = "") -> bytes:
        """65 bytes over typed data. Raises as ``sign_digest``."""
        return await self.sign_digest(address, data.digest)

    async def sign_message(self, address: str, said: messages.Message, plan_id: str = "") -> bytes:
        """65 bytes over a message. Raises as ``sign_digest``."""
        return await self.sign_digest(address, said.digest)

    # The plan

    async def names_of(self, network: Network | None) -> dict[str, str]:
        """What this console calls an address: contracts of the network's economy, own accounts, contacts. By EIP-55 spelling."""
        book, where = await self.book(), network.id if network is not None else ""
        names = {one.address: one.label for all_of in book.contacts.values() for one in all_of if one.network in ("", where)}
        names |= book.own
        economy = await self._economy_of(network.key.text) if network is not None else None
        if economy is not None:
            names |= {keys.parse_address(address): name for address, name in contract_names(economy).items() if address}
        return names

    async def _plan_signing(self, title: str, target: Any, params: Mapping[str, object]) -> Plan:
        step = StepSpec(SIGN, "Sign the digest; nothing is sent")
        return await self._operations.plan(SIGN, title, target, params, [step])

    async def _preview_signing(self, plan: Plan) -> Preview:
        said, signer = content_of(plan.params), await self.get(str(plan.params["account"]))
        network = self._networks.get(str(plan.params["network_id"])) if plan.params["network_id"] else None
        names = await self.names_of(network)
        verdicts = [consent.key_verdict(signer)]
        hashes: tuple[str, ...] = (f"Digest to compare: 0x{said.digest.hex()}",)
        effects = [consent.signature_effect(signer, said.digest)]
        if isinstance(said, typed.TypedData):
            assert network is not None
            collision = self._networks.collisions(network.chain_id)
            verdicts += [consent.chain_verdict(said, network, collision), consent.contract_verdict(said, names)]
            for permitted in permissions(said):
                effect, found = await self._permission(permitted, signer, network, names)
                effects.append(effect)
                verdicts += found
            verdicts += consent.value_proof(said) + consent.stands_for(said)
            calls = consent.typed_calls(said, names, contract_names(await self._economy_of(network.key.text)))
            hashes += (f"Domain hash: 0x{said.domain_hash.hex()}", f"Message hash: 0x{said.message_hash.hex()}")
        else:
            calls = (consent.message_call(said),)
        verdicts += [
            Verdict(f"sign.reading.{number}", VerdictLevel(problem.level), problem.text, problem.detail)
            for number, problem in enumerate(said.problems)
        ]
        return Preview(
            effects=tuple(effects),
            verdicts=tuple(verdicts),
            calls=calls,
            simulated_at=now_ms(),
            method="own encoder",
            notes=("Nothing goes on chain by signing. Whoever holds the signature can use it.", *hashes),
        )

    async def _measure_signing(self, plan: Plan) -> tuple[Effect, ...]:
        """The signature that was made, checked again; what it permits counts from then on."""
        step, predicted = plan.steps[0], plan.preview.effects if plan.preview else ()
        if step.state is not StepState.DONE:
            return tuple(replace(effect, after=effect.before) for effect in predicted)
        digest = bytes.fromhex(str(step.result["digest"])[2:])
        signer = messages.signer_of(digest, messages.signature(str(step.result["signature"])))
        first = [replace(effect, subject=signer, after="0x" + digest.hex()) for effect in predicted[:1]]
        return (*first, *predicted[1:])

    async def _permission(
        self, permitted: Permitted, signer: Account, network: Network, names: Mapping[str, str]
    ) -> tuple[Effect, list[Verdict]]:
        """What somebody may take, against what they may take now, and the warnings about it."""
        from app.wallets.actual import read_word, word
        from app.wallets.tokens import token_info

        owner = permitted.owner or signer.address
        symbol, decimals, before = "units", 0, "0" if permitted.transfer else "unknown"
        try:
            chain = await self._networks.connect(network.id)
            info = await token_info(chain, permitted.token, await self._economy_of(network.key.text)) if permitted.token else None
            if info is not None:
                symbol, decimals = info.symbol, info.decimals
            if info is not None and not permitted.transfer:
                data = ALLOWANCE + word(owner) + word(permitted.spender)
                before = str(await read_word(chain.rpc, permitted.token, data, (await chain.head()).number))
        except ConsoleError:  # the network does not answer, or there is no token: the amount is shown in smallest units
            pass
        who = names.get(permitted.spender, permitted.spender) or "anybody"
        most = "all" if permitted.unlimited else exact_units(permitted.amount, decimals)
        until = "without end" if permitted.until is None else f"until {consent.moment(permitted.until)}"
        verdicts = [
            Verdict(
                "sign.permission",
                VerdictLevel.WARNING,
                f"It lets {who} take {most} {symbol} of {names.get(owner, owner)}, {until}",
                f"{permitted.standard}, token {permitted.token}. It takes effect when anybody submits the signature.",
            )
        ]
        if permitted.owner and permitted.owner != signer.address:
            verdicts.append(
                Verdict(
                    "sign.owner",
                    VerdictLevel.WARNING,
                    f"It speaks for {permitted.owner}, but {signer.label} signs: no token takes that",
                )
            )
        if permitted.until is not None and permitted.until * 1000 < now_ms():
            verdicts.append(Verdict("sign.expired", VerdictLevel.NOTE, "The permission has ended already"))
        after = "unlimited" if permitted.unlimited else str(permitted.amount)
        label = names.get(permitted.spender, "")
        kind = "permitted_transfer" if permitted.transfer else "permitted_allowance"
        return Effect(kind, permitted.spender, before, after, symbol, decimals, label), verdicts


def content_of(params: Mapping[str, object]) -> typed.TypedData | messages.Message:
    """What a plan of kind ``wallets.sign`` signs."""
    if params["form"] == "typed":
        return typed.parse(str(params["content"]))
    return messages.Message(bytes.fromhex(str(params["content"])[2:]), str(params["validator"]))
