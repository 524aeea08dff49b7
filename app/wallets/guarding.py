"""Secrets on their way out, and accounts on theirs: reveal, export, delete. Each is asked for twice and leaves a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from app.core import faults
from app.core.clock import iso, now_ms
from app.core.errors import ConsoleError, Denied
from app.core.events import AccountsChanged
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.core.money import short_units
from app.core.secret import Secret
from app.operations.plans import Effect, Plan, PlanState, Preview, StepSpec, Verdict, VerdictLevel
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext
from app.wallets import keystore, phrases
from app.wallets.accounts import Account, AccountKind
from app.wallets.creation import CONSOLE, final_name
from app.wallets.signing import Signing

if TYPE_CHECKING:
    import sqlalchemy as sa

    from app.access.vault import Vault
    from app.chain import Chain
    from app.core.events import Bus
    from app.database import Database

DELETE = "wallets.delete"
REMOVE = "wallets.remove"
ADMINISTRATORS = frozenset({"administrator"})
TARGET = replace(CONSOLE, quick=False)  # with a sheet, and with the passphrase where one is set
LOOK_SECONDS = 5.0  # for the balances of one network, which a preview can do without


class Part(StrEnum):
    """Which secret of an account is shown."""

    PHRASE = "phrase"  # of its HD wallet
    PASSPHRASE = "passphrase"  # BIP-39's, of its HD wallet
    KEY = "key"  # its own private key, 0x and 64 hex digits


class Guarding(Signing):
    """What is taken out of this console."""

    def _register_guarding(self) -> None:
        self._operations.register_kind(
            PlanKind(
                DELETE,
                self._preview_delete,
                self._measure_delete,
                ADMINISTRATORS,
                undo="A deleted key comes back only from its backup.",
            )
        )
        remover = Remover(self._database, self._vault, self._bus)
        self._operations.register_step(REMOVE, lambda plan, spec: RemoveStep(remover))

    async def reveal(
        self,
        account_id: str,
        console_passphrase: Secret | None = None,
        *,
        part: Part | None = None,
        confirmed: bool = False,
    ) -> Secret:
        """The phrase or key of an account, for its backup. Journalled, never its content.

        Args:
            account_id: id, address or label.
            console_passphrase: checked anew, also while the console is unlocked.
            part: default is the phrase of an HD account, and the key of an imported one.
            confirmed: somebody said so explicitly; asked where no console passphrase is set.

        Raises:
            Denied: passphrase, role or confirmation is missing; or the account has no secret here.
            Locked, NotFound, Unavailable: the secret cannot be reached.
        """
        account = await self._guarded(account_id, console_passphrase, confirmed)
        wanted = part or (Part.PHRASE if account.kind is AccountKind.HD else Part.KEY)
        if wanted is Part.KEY:
            secret = Secret("0x" + (await self._key(account.address)).hex())
        else:
            secret = await self._words_of(account, wanted)
        await self._access.record("secret.revealed", {**_named(account), "part": wanted.value})
        return secret

    async def export_keystore(
        self, account_id: str, password: Secret, console_passphrase: Secret | None = None, *, confirmed: bool = False
    ) -> str:
        """A keystore file (version 3) with the key of an account, under a password of its own. Journalled.

        Raises:
            Invalid: the password has fewer than eight characters.
            Denied, Locked, NotFound, Unavailable: as :meth:`reveal`.
        """
        account = await self._guarded(account_id, console_passphrase, confirmed)
        text = await asyncio.to_thread(keystore.write, await self._key(account.address), password)
        await self._access.record("secret.exported", {**_named(account), "form": "keystore 3"})
        return text

    async def _guarded(self, account_id: str, console_passphrase: Secret | None, confirmed: bool) -> Account:
        if refused := self._access.may(ADMINISTRATORS, TARGET):
            raise Denied(f"{refused} Nothing was shown.", "Ask an administrator.")
        if self._access.passphrase_set:
            await self._access.check_passphrase(console_passphrase)
        elif not confirmed:
            raise Denied(
                "No console passphrase is set, so nothing but a confirmation stands before a secret. Nothing was shown.",
                "Confirm that you want to see it, or set a passphrase first.",
                field="confirmed",
            )
        self._access.require_unlocked()
        account = await self._row(account_id)
        if account.kind not in (AccountKind.HD, AccountKind.IMPORTED):
            raise Denied(f"“{account.label}” has no secret in this console. Nothing was shown.", "Look where its key is.")
        return account

    async def _words_of(self, account: Account, part: Part) -> Secret:
        if account.kind is not AccountKind.HD:
            raise Denied(f"“{account.label}” hangs on a single key and has no phrase. Nothing was shown.", "Show its key.")
        phrase, passphrase = phrases.unbundled(await self._vault.get(final_name(account.wallet_id)))
        if part is Part.PHRASE:
            return phrase
        if passphrase is None:
            raise Denied(f"The phrase of “{account.label}” has no passphrase. Nothing was shown.", "Show the phrase.")
        return passphrase

    # Deleting

    async def plan_delete(self, account_id: str, typed_name: str) -> Plan:
        """Plan to take an account off the list, and its secret out of the keyring when no other account hangs on it.

        Args:
            typed_name: the label, typed by hand.

        Raises:
            NotFound: no such account.
            Denied: the name typed is another.
        """
        account = await self._row(account_id)
        if typed_name.strip() != account.label:
            raise Denied(
                f"The name typed is not “{account.label}”. Nothing was planned.", f"Type {account.label}.", field="typed_name"
            )
        params = {"account_id": account.id, "address": account.address, "label": account.label, "wallet_id": account.wallet_id}
        step = StepSpec(REMOVE, "Take the account off the list, and its secret out of the keyring", params)
        return await self._operations.plan(DELETE, f"Delete account “{account.label}”", TARGET, params, [step])

    async def _preview_delete(self, plan: Plan) -> Preview:
        account = await self.get(str(plan.params["account_id"]))
        others = [other for other in await self._rows() if account.wallet_id and other.wallet_id == account.wallet_id]
        others = [other for other in others if other.id != account.id]
        lost = _lost(account, len(others), await self._drilled(account))
        return Preview(
            effects=(Effect("key", account.address, account.key_state.value, "none", label=account.label),),
            verdicts=(lost, *await self._unfinished(account)),
            simulated_at=now_ms(),
            method="dry run",
            notes=(*await self._left_behind(account.address), "What the account did stays in the journal and in the ledger."),
        )

    async def _unfinished(self, account: Account) -> tuple[Verdict, ...]:
        """Plans that would want its signature."""
        live = await self._operations.page(states=[PlanState.CONFIRMED, PlanState.RUNNING, PlanState.WAITING])
        named = [plan.name for plan in live if any(step.spec.params.get("sender") == account.address for step in plan.steps)]
        if not named:
            return ()
        text = f"Plans of this account have not ended: {', '.join(sorted(named))}"
        return (Verdict("wallets.unfinished", VerdictLevel.WARNING, text, "What they have not signed yet, nobody could sign."),)

    async def _measure_delete(self, plan: Plan) -> tuple[Effect, ...]:
        address = str(plan.params["address"])
        before = next((effect.before for effect in (plan.preview.effects if plan.preview else ())), "none")
        after = (await self._states()).get(address, "none")
        return (Effect("key", address, before, after, label=str(plan.params["label"])),)

    async def _drilled(self, account: Account) -> int:
        return next((wallet.drilled_at for wallet in await self.sources() if wallet.id == account.wallet_id), 0)

    async def _left_behind(self, address: str) -> tuple[str, ...]:
        """What the account holds on each network that answers, in words; never a reason to stop."""
        lines = []
        for network in self._networks.list():
            if not network.rpc_url:
                continue
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    chain = await self._networks.connect(network.id)
                    held = int(str(await chain.rpc.call("eth_getBalance", address, "latest")), 16)
                    economy = await self._economy_of(network.key.text)
                    azr = await _azr(chain, economy.token, address) if economy else None
            except (ConsoleError, TimeoutError):
                lines.append(f"{network.name} does not answer: what the account holds there is not known.")
                continue
            tokens = "" if azr is None else f" and {short_units(azr, 18)} AZR"
            lines.append(f"On {network.name} the account holds {short_units(held, 18)} {network.symbol}{tokens}.")
        return tuple(lines)


class Remover:
    """Takes accounts off the list and secrets out of the keyring; every method may be called again."""

    def __init__(self, database: Database, vault: Vault, bus: Bus) -> None:
        self._database = database
        self._vault = vault
        self._bus = bus

    async def remove(self, account_id: str, wallet_id: str) -> None:
        """Remove the row; then the secret, if no other account hangs on it.

        The row goes first: an account is never listed without its key. Until the secret is gone its wallet is marked as leaving,
        so that a killed console finds what is left to do.
        """
        if await self._database.write(lambda connection: _unlist(connection, account_id, wallet_id)):
            faults.point("wallets.remove.rows")
            if await self._vault.has(final_name(wallet_id)):
                await self._vault.delete(final_name(wallet_id))
            faults.point("wallets.remove.vault")
            await self._database.write(lambda connection: _forget_wallet(connection, wallet_id))
        self._bus.publish(AccountsChanged())

    async def removed(self, account_id: str, wallet_id: str) -> bool:
        """Whether neither the row nor a secret without accounts is left."""
        from app.wallets.tables import accounts, wallets

        def read(connection: sa.Connection) -> bool:
            listed = connection.execute(accounts.select().where(accounts.c.id == account_id)).first()
            leaving = wallets.select().where(wallets.c.id == wallet_id, wallets.c.state == "leaving")
            return listed is None and connection.execute(leaving).first() is None

        return await self._database.read(read)


def _unlist(connection: sa.Connection, account_id: str, wallet_id: str) -> bool:
    """Delete the row; True when its secret must go too."""
    from app.wallets.tables import accounts, wallets

    connection.execute(accounts.delete().where(accounts.c.id == account_id))
    if not wallet_id or connection.execute(accounts.select().where(accounts.c.wallet_id == wallet_id)).first() is not None:
        return False
    return connection.execute(wallets.update().where(wallets.c.id == wallet_id).values(state="leaving")).rowcount > 0


def _forget_wallet(connection: sa.Connection, wallet_id: str) -> None:
    from app.wallets.tables import wallets

    connection.execute(wallets.delete().where(wallets.c.id == wallet_id, wallets.c.state == "leaving"))


class RemoveStep(Step):
    """Deletes one account."""

    needs_key: ClassVar[bool] = True  # what lies in the keyring is changed by nobody who is locked out

    def __init__(self, remover: Remover) -> None:
        self._remover = remover

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        params = context.plan.params
        return {"account_id": str(params["account_id"]), "wallet_id": str(params["wallet_id"]), "address": str(params["address"])}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        await self._remover.remove(str(prepared["account_id"]), str(prepared["wallet_id"]))
        context.report(f"{context.plan.params['label']} is no longer listed.")

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        if not await self._remover.removed(str(prepared["account_id"]), str(prepared["wallet_id"])):
            return Outcome(Happened.NOT_DONE)
        evidence = Evidence(
            EvidenceKind.ROW,
            f"account {prepared['address']}",
            read_at=now_ms(),
            status=EvidenceStatus.CLAIMED,
            check="not listed, and no secret without accounts is left in the keyring",
            trust=Trust.OPERATOR,
        )
        return Outcome(Happened.DONE, {"address": str(prepared["address"])}, (evidence,))


def _lost(account: Account, others: int, drilled_at: int) -> Verdict:
    rule = "wallets.lost"
    if account.kind is AccountKind.WATCH:
        return Verdict(rule, VerdictLevel.NOTE, "Only the address is taken off the list: there is no key here")
    if account.kind is AccountKind.EXTERNAL:
        return Verdict(rule, VerdictLevel.NOTE, "Only the address is taken off the list: its key stays in its signer")
    if others:
        count = "1 other account hangs" if others == 1 else f"{others} other accounts hang"
        return Verdict(rule, VerdictLevel.NOTE, f"The phrase stays in the keyring, since {count} on it")
    what = "phrase" if account.kind is AccountKind.HD else "key"
    proven = f"A drill proved the backup on {iso(drilled_at)[:10]}." if drilled_at else "No drill has ever proven a backup."
    return Verdict(rule, VerdictLevel.WARNING, f"Its {what} goes for good: without a backup, what it holds is lost", proven)


def _named(account: Account) -> dict[str, str]:
    return {"account": account.address, "label": account.label, "wallet": account.wallet_id}


async def _azr(chain: Chain, token: str, address: str) -> int:
    from app.wallets.actual import BALANCE_OF, word

    answer = str(await chain.rpc.call("eth_call", {"to": token, "data": BALANCE_OF + word(address)}, "latest"))
    return int(answer, 16) if len(answer) > 2 else 0
