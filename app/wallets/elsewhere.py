"""Accounts whose keys are not here: a JSON-RPC signer is asked, or a person carries the transaction to another console.

Whatever comes back is compared, byte for byte, with what was asked for; a plan waits meanwhile and can be stopped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.errors import Conflict, Denied, NotFound, Waiting
from app.core.events import PlanChanged
from app.core.jobs import Job, JobState
from app.operations import policy
from app.operations.plans import Plan, PlanState, StepState
from app.wallets import byhand, keys, signers, typed
from app.wallets.accounts import Account, AccountKind
from app.wallets.byhand import HandRequest
from app.wallets.creation import CONSOLE
from app.wallets.signers import RemoteSigner, SignerView
from app.wallets.speaking import EVERYBODY, Speaking

if TYPE_CHECKING:
    from app.chain import SigningRequest, SigningTask
    from app.chain.signer import UnsignedTransaction
    from app.wallets.messages import Message
    from app.wallets.typed import TypedData

BY_HAND = "Waits for a signature from another console."
LOOK_AGAIN = 1.0  # seconds that one attempt of a waiting plan listens to the signer


@dataclass(slots=True)
class _Asking:
    """A question that a signer has not answered yet."""

    job: Job
    plan_id: str


class Elsewhere(Speaking):
    """Signing by others."""

    def _register_elsewhere(self) -> None:
        self._asking: dict[tuple[str, bytes], _Asking] = {}
        self._person_seconds = signers.PERSON_SECONDS
        self._bus.subscribe(PlanChanged, self._stop_asking)

    # Signers that speak JSON-RPC

    async def look_at_signer(self, url: str) -> SignerView:
        """What a signer is, and which accounts it offers; its person may have to agree.

        Raises:
            Invalid: not an address of a signer.
            Unavailable: it does not answer, or is none.
        """
        return await signers.offered(url)

    async def signer_accounts(self, url: str) -> list[str]:
        """The accounts that a signer offers. Raises as :meth:`look_at_signer`."""
        return list((await self.look_at_signer(url)).accounts)

    async def add_external(self, label: str, address: str, url: str) -> Account:
        """List an account that a JSON-RPC signer (Web3Signer, Clef, Frame) signs for. A watched address becomes such a one.

        Raises:
            NotFound: the signer does not offer the account.
            Unavailable: it does not answer. Nothing was added.
            Conflict: the address or the label is here already.
        """
        checked = keys.parse_address(address)
        found = await self.look_at_signer(url)
        if checked not in found.accounts:
            offered = ", ".join(found.accounts[:5]) or "none"
            raise NotFound(
                f"{found.name} at {found.url} does not offer {checked}. Nothing was added.",
                f"It offers {offered}. Select or load the account there.",
                field="address",
            )
        return await self._list_keyless(label, checked, AccountKind.EXTERNAL, found.url)

    async def set_signer(self, account_id: str, url: str) -> Account:
        """Give an external account another address of its signer. Raises as :meth:`add_external`."""
        account = await self._row(account_id)
        if account.kind is not AccountKind.EXTERNAL:
            raise Conflict(f"“{account.label}” has no signer elsewhere. Nothing was changed.", "Choose an external account.")
        found = await self.look_at_signer(url)
        if account.address not in found.accounts:
            raise NotFound(f"{found.name} at {found.url} does not offer {account.address}. Nothing was changed.", field="signer")
        return await self._edit(account, {"signer": found.url})

    # By hand

    async def hand_request(self, plan_id: str) -> str:
        """The text (JSON) to carry to the console that has the key: fields, digest and words of all that the plan waits for.

        Raises:
            NotFound: no such plan, or it does not wait for a signature by hand.
        """
        plan, requests = await self._waits(plan_id)
        network, step = self._networks.get(requests[0].task.network), plan.steps[requests[0].task.index]
        return byhand.request_text(
            plan.name, step.spec.title, network.name, requests[0].sender, [request.unsigned for request in requests]
        )

    async def read_request(self, text: str) -> HandRequest:
        """What a request from another console asks for, in words made here.

        Raises:
            Invalid: it is none, or contradicts itself.
        """
        return byhand.read_request(text)

    async def sign_request(self, text: str, account: str = "") -> str:
        """Sign what another console asks for, with a key of this one; needs no network. Journalled. The text to carry back.

        Args:
            account: label or address that must be the one asked for; empty takes that.

        Raises:
            Invalid: the request is none, or contradicts itself.
            Denied: another account is asked for, it has no key here, or the operator's role may not sign.
            Locked, NotFound: as for any signature. Nothing was signed.
        """
        request = byhand.read_request(text)
        # A network that this console knows by the chain id decides who may sign for it.
        known = [network for network in self._networks.list() if network.chain_id == request.chain_id]
        targets = [network.target() for network in known] or [CONSOLE]
        if refused := next(filter(None, (self._access.may(EVERYBODY, target) for target in targets)), ""):
            raise Denied(f"{refused} Nothing was signed.", "Ask an operator with another role.")
        if account and await self.resolve(account) != request.sender:
            raise Denied(f"The request asks for {request.sender}. Nothing was signed.", "Choose that account.", field="account")
        raws = await super().sign_transactions(request.sender, request.transactions)
        body = {
            "account": request.sender,
            "digest": request.digest,
            "chain_id": str(request.chain_id),
            "plan": request.plan,
        }
        if len(raws) > 1:
            body["transactions"] = str(len(raws))
        await self._access.record("request.signed", body)
        return byhand.signed_text(request, raws)

    async def offer_signed(self, plan_id: str, text: str) -> Plan:
        """Bring the signature that a plan waits for, or all of them, and have it go on to its end.

        Raises:
            Invalid: the text holds no transaction.
            Conflict: what was signed is not what was asked for (each difference is named), the nonce is used by now, or the plan
                would fail now. Nothing was sent.
            NotFound: the plan does not wait for a signature by hand.
        """
        from app.chain.envelopes import signed_as_asked

        plan, requests = await self._waits(plan_id)
        raws = byhand.read_signed(text)
        if len(raws) != len(requests):
            raise Conflict(
                f"{plan.name} waits for {len(requests):,} signed transactions, and this holds {len(raws):,}. Nothing was sent.",
                "Carry the whole answer over, from the request that was exported last.",
            )
        for at, (request, raw) in enumerate(zip(requests, raws, strict=True)):
            try:
                signed_as_asked(request.unsigned, raw, request.sender)
            except Conflict as error:
                if len(raws) > 1:
                    error.message = f"Transaction {at + 1:,} of {len(raws):,}: {error.message}"
                raise
        await self._still_good(plan, requests[0])
        await self._transactions.requests.answer([(request.task, raw) for request, raw in zip(requests, raws, strict=True)])
        try:
            return await self._operations.go_on(plan.id)
        except Conflict:  # another console runs it, and finds the answer
            return await self._operations.get(plan.id)

    async def _waits(self, plan_id: str) -> tuple[Plan, list[SigningRequest]]:
        """The plan, and what its step asks to have signed, in the order of nonces."""
        plan = await self._operations.get(plan_id)
        if plan.state in (PlanState.WAITING, PlanState.RUNNING):  # a console that starts looks at it for a moment
            open_ = [
                request
                for request in await self._transactions.requests.of_plan(plan.id)
                if not request.raw and plan.steps[request.task.index].state is StepState.PENDING
            ]
            if open_:
                return plan, [request for request in open_ if request.task.index == open_[0].task.index]
        raise NotFound(
            f"{plan.name} is {plan.state.value} and waits for no signature. Nothing was done.", "azora plan list shows what waits."
        )

    async def _still_good(self, plan: Plan, request: SigningRequest) -> None:
        chain = await self._networks.connect(request.task.network)
        used = int(str(await chain.rpc.call("eth_getTransactionCount", request.sender, "latest")), 16)
        if used > request.unsigned.nonce:
            raise Conflict(
                f"Nonce {request.unsigned.nonce:,} of {request.sender} was used by another transaction. Nothing was sent.",
                f"Compare the other transaction, stop {plan.name} and plan anew.",
            )
        if request.task.index == 0 and (blocked := policy.why_blocked(await self._operations.simulate(plan))):
            raise Conflict(f"The plan would fail now. {blocked} Nothing was sent.", f"Stop {plan.name} and plan anew.")

    # The Signer of app.chain

    async def signs_elsewhere(self, address: str) -> bool:
        """Whether the account's key is not in this console."""
        account = next((row for row in await self._rows() if row.address.lower() == address.lower()), None)
        return account is not None and account.kind in (AccountKind.EXTERNAL, AccountKind.WATCH)

    async def sign_transaction(self, address: str, unsigned: UnsignedTransaction, task: SigningTask | None = None) -> bytes:
        """The signed, serialised transaction; from elsewhere it is compared with what was asked.

        Raises:
            Waiting: somebody elsewhere was asked and has not answered; ask again.
            Denied: the person at the signer refused, or the account is watched and nothing waits for it.
            Conflict: something else was signed. It was thrown away.
        """
        from app.chain.envelopes import signed_as_asked

        account = await self._row(address)
        if account.kind not in (AccountKind.EXTERNAL, AccountKind.WATCH):
            return await super().sign_transaction(address, unsigned, task)
        self._access.require_unlocked()
        if account.kind is AccountKind.EXTERNAL:
            signer = self._signer_of(account)
            plan_id = task.plan_id if task else ""
            work = lambda: signer.sign_transaction(account.address, unsigned)  # noqa: E731 - asked later, by the job
            raw = await self._answer(account, keys.keccak(unsigned.payload()), work, plan_id)
        else:
            raw = await self._brought(account, task)
        signed_as_asked(unsigned, raw, account.address)
        return raw

    async def sign_transactions(
        self, address: str, transactions: Sequence[UnsignedTransaction], task: SigningTask | None = None
    ) -> list[bytes]:
        """Many of one account: by a key of this console, by its signer one after the other, or all brought by hand at once.

        What a signer has answered is kept, so that after a restart only the rest is asked for.

        Raises: as :meth:`sign_transaction`; nothing is given back before all are signed.
        """
        from app.chain.envelopes import signed_as_asked

        account = await self._row(address)
        if account.kind not in (AccountKind.EXTERNAL, AccountKind.WATCH):
            return await super().sign_transactions(address, transactions)
        self._access.require_unlocked()
        kept = await self._transactions.requests.of_step(task.plan_id, task.index) if task else []
        if task is None or [request.unsigned for request in kept] != list(transactions):
            raise self._only_watched(account)
        if account.kind is AccountKind.EXTERNAL:
            together = keys.keccak(b"".join(keys.keccak(each.payload()) for each in transactions))
            await self._answer(account, together, lambda: self._ask_each(account, task), task.plan_id)
            kept = await self._transactions.requests.of_step(task.plan_id, task.index)
        if not all(request.raw for request in kept):
            raise Waiting(BY_HAND, "Export the request, sign it where the key is, and bring it back.")
        for request in kept:
            signed_as_asked(request.unsigned, request.raw, account.address)
        return [request.raw for request in kept]

    async def _ask_each(self, account: Account, task: SigningTask) -> bytes:
        """Have a signer sign what it has not signed yet of a step; each answer is compared and kept at once."""
        from app.chain.envelopes import signed_as_asked

        signer = self._signer_of(account)
        for request in await self._transactions.requests.of_step(task.plan_id, task.index):
            if not request.raw:
                raw = await signer.sign_transaction(account.address, request.unsigned, may_send=False)
                signed_as_asked(request.unsigned, raw, account.address)
                await self._transactions.requests.answer([(request.task, raw)])
        return b""

    async def sign_typed(self, address: str, data: TypedData, plan_id: str = "") -> bytes:
        """65 bytes over typed data; an external signer shows the data to its person. Raises as :meth:`sign_transaction`."""
        account = await self._row(address)
        if account.kind is not AccountKind.EXTERNAL:
            return await super().sign_typed(address, data, plan_id)
        self._access.require_unlocked()
        signer = self._signer_of(account)
        work = lambda: signer.sign_typed(account.address, data.text, data.digest)  # noqa: E731 - asked later, by the job
        return await self._answer(account, data.digest, work, plan_id)

    async def sign_typed_text(self, address: str, text: str, digest: bytes, plan_id: str = "") -> bytes:
        """As :meth:`sign_typed`, for a room that has text and digest of its own making.

        Raises:
            Conflict: the text does not give the digest. Nothing was signed.
        """
        data = typed.parse(text)
        if data.digest != digest:
            raise Conflict(
                "What would be shown is not what would be signed. Nothing was signed.", "This is a fault of the program."
            )
        return await self.sign_typed(address, data, plan_id)

    async def sign_message(self, address: str, said: Message, plan_id: str = "") -> bytes:
        """65 bytes over a message; an external signer shows it to its person. Raises as :meth:`sign_transaction`."""
        account = await self._row(address)
        if account.kind is not AccountKind.EXTERNAL:
            return await super().sign_message(address, said, plan_id)
        self._access.require_unlocked()
        if said.validator:
            raise Denied("Signers elsewhere sign no messages for a validator (EIP-191 version 0x00). Nothing was signed.")
        signer = self._signer_of(account)
        work = lambda: signer.sign_message(account.address, said.data, said.digest)  # noqa: E731 - asked later, by the job
        return await self._answer(account, said.digest, work, plan_id)

    # Inside

    def _signer_of(self, account: Account) -> RemoteSigner:
        return RemoteSigner(account.signer, self._person_seconds)

    async def _brought(self, account: Account, task: SigningTask | None) -> bytes:
        requests = await self._transactions.requests.of_step(task.plan_id, task.index) if task else []
        if not requests:
            raise self._only_watched(account)
        if not requests[0].raw:
            raise Waiting(BY_HAND, "Export the request, sign it where the key is, and bring it back.")
        return requests[0].raw

    def _only_watched(self, account: Account) -> Denied:
        return Denied(
            f"“{account.label}” is only watched. Nothing was signed.", "Import its key, sign by hand, or choose another account."
        )

    async def _answer(self, account: Account, digest: bytes, work: Callable[[], Awaitable[bytes]], plan_id: str) -> bytes:
        """What the signer answers, or Waiting while its person thinks. One question is asked once, however often a plan looks."""
        key = (account.address, digest)
        asking = self._asking.get(key)
        if asking is None:

            async def ask(_job: Job) -> bytes:
                return await work()

            title = f"Signature of “{account.label}” from {account.signer}"
            link = f"azora://plans/{(await self._operations.get(plan_id)).name}" if plan_id else ""
            asking = self._asking[key] = _Asking(self._jobs.start(title, ask, kind="signer", link=link), plan_id)
        if not await asking.job.ended_within(LOOK_AGAIN):
            raise Waiting(
                f"Waits for the signer at {account.signer}: read the transaction there and confirm or reject it.", soon=True
            )
        if not asking.plan_id or asking.job.state is not JobState.DONE:
            self._asking.pop(key, None)
        return bytes(await asking.job.wait())  # kept until its plan ends: a step with many signatures asks for each once

    def _stop_asking(self, event: PlanChanged) -> None:
        """A plan that ended wants no answer any more."""
        if not event.state or not PlanState(event.state).ended:
            return
        for key, asking in list(self._asking.items()):
            if asking.plan_id == event.plan_id:
                asking.job.cancel()
                del self._asking[key]
