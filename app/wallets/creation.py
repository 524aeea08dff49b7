"""How keys come into the console: new and restored phrases, and single private keys.

The secret goes to the vault when the plan is drafted, under a pending name; the plan knows only addresses. Confirming moves it to
its final name and lists the accounts, in that order, so that an account is never listed without its key. A plan that ends in any
other way takes its secret with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from app.core import faults
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, NotFound
from app.core.events import AccountsChanged
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.operations.plans import Effect, Plan, Preview, Target, TargetKind, Verdict, VerdictLevel
from app.operations.steps import Happened, Outcome, Step, StepContext
from app.wallets.accounts import AccountKind, KeyState

if TYPE_CHECKING:
    import sqlalchemy as sa

    from app.access.vault import Vault
    from app.core.events import Bus
    from app.database import Database

CONSOLE = Target(TargetKind.CONSOLE, "console", "This console", "local", quick=True)
KEEP = "wallets.keep"
LAST = 1_000_000  # the place of an account that nobody moved: after those that somebody did


def final_name(wallet_id: str) -> str:
    """Where the vault keeps the secret of a wallet."""
    return f"wallet/{wallet_id}"


def pending_name(wallet_id: str) -> str:
    """Where the vault keeps it until the plan is carried out."""
    return f"pending/{wallet_id}"


def rows_of(params: Mapping[str, Any]) -> list[dict[str, str]]:
    """The accounts a plan lists: dicts of id, address, label and path."""
    return [{str(key): str(value) for key, value in row.items()} for row in params["accounts"]]


class Keeper:
    """Moves secrets from pending to final and back out, and lists accounts; every method may be called again."""

    def __init__(self, database: Database, vault: Vault, bus: Bus) -> None:
        self._database = database
        self._vault = vault
        self._bus = bus

    async def hold(self, wallet_id: str, kind: AccountKind, label: str, secret: Any, path: str = "") -> None:
        """Put a secret under its pending name. The row comes first: a crash between the two leaves something to sweep."""
        from app.wallets.tables import wallets

        row = {
            "id": wallet_id,
            "kind": kind.value,
            "label": label,
            "state": "pending",
            "plan_id": "",
            "created_at": now_ms(),
            "path": path,
            "drilled_at": 0,
        }
        await self._database.write(lambda connection: connection.execute(wallets.insert().values(row)))
        faults.point("wallets.hold.row")
        try:
            await self._vault.put(pending_name(wallet_id), secret)
        except ConsoleError as error:
            # Where the keyring may still take it, the row stays, so that a later start finds the secret and removes it.
            if error.details.get("outcome") != "unknown":
                await self._database.write(lambda connection: connection.execute(wallets.delete().where(wallets.c.id == wallet_id)))
            raise
        faults.point("wallets.hold.vault")

    async def claim(self, wallet_id: str, plan_id: str) -> None:
        """Note which plan the pending secret belongs to."""
        from app.wallets.tables import wallets

        await self._database.write(
            lambda connection: connection.execute(wallets.update().where(wallets.c.id == wallet_id).values(plan_id=plan_id))
        )

    async def keep(self, kind: AccountKind, wallet_id: str, rows: list[dict[str, str]]) -> None:
        """Give the secret its final name, then list the accounts.

        Raises:
            Conflict: a label was taken, or an address got a key, in the meantime.
            NotFound: the secret is no longer in the keyring; nothing was listed.
        """
        if not await self._vault.has(final_name(wallet_id)):
            if not await self._vault.has(pending_name(wallet_id)):
                raise NotFound(
                    "The secret of this plan is no longer in the keyring. No account was added.",
                    "Create the wallet again from its phrase.",
                )
            await self._vault.put(final_name(wallet_id), await self._vault.get(pending_name(wallet_id)))
        faults.point("wallets.keep.vault")
        await self._database.write(lambda connection: _list_accounts(connection, kind, wallet_id, rows))
        faults.point("wallets.keep.rows")
        self._bus.publish(AccountsChanged())

    async def listed(self, wallet_id: str, rows: list[dict[str, str]]) -> bool:
        """Whether every account hangs on this wallet and its secret is in the vault."""
        from app.wallets.tables import accounts

        def count(connection: sa.Connection) -> set[bytes]:
            return set(
                connection.scalars(accounts.select().with_only_columns(accounts.c.address).where(accounts.c.wallet_id == wallet_id))
            )

        found = await self._database.read(count)
        return {bytes.fromhex(row["address"][2:]) for row in rows} <= found and await self._vault.has(final_name(wallet_id))

    async def settle(self, wallet_id: str) -> None:
        """Remove the pending copy of a secret that has its final name."""
        if await self._vault.has(pending_name(wallet_id)):
            await self._vault.delete(pending_name(wallet_id))

    async def forget(self, wallet_id: str) -> None:
        """Remove what a plan that was not carried out left behind: never a secret that an account hangs on."""
        from app.wallets.tables import accounts, wallets

        in_use = await self._database.read(
            lambda connection: connection.scalar(
                accounts.select().with_only_columns(accounts.c.id).where(accounts.c.wallet_id == wallet_id)
            )
        )
        names = [pending_name(wallet_id)] if in_use else [pending_name(wallet_id), final_name(wallet_id)]
        for name in names:
            if await self._vault.has(name):
                await self._vault.delete(name)
        if not in_use:
            await self._database.write(lambda connection: connection.execute(wallets.delete().where(wallets.c.id == wallet_id)))

    async def pending(self) -> list[tuple[str, str, int]]:
        """``(wallet id, plan id, created at)`` of everything that waits for its plan."""
        from app.wallets.tables import wallets

        def read(connection: sa.Connection) -> list[tuple[str, str, int]]:
            found = connection.execute(wallets.select().where(wallets.c.state == "pending"))
            return [(row.id, row.plan_id, row.created_at) for row in found]

        return await self._database.read(read)


def _list_accounts(connection: sa.Connection, kind: AccountKind, wallet_id: str, rows: list[dict[str, str]]) -> None:
    from app.wallets.tables import accounts, wallets

    if connection.execute(wallets.select().where(wallets.c.id == wallet_id, wallets.c.state != "leaving")).first() is None:
        raise Conflict("The wallet was deleted meanwhile. No account was added.", "Restore it from its backup.")
    for row in rows:
        address = bytes.fromhex(row["address"][2:])
        known = connection.execute(accounts.select().where(accounts.c.address == address)).one_or_none()
        if known is not None and known.wallet_id == wallet_id:
            continue
        taken = connection.scalar(
            accounts.select()
            .with_only_columns(accounts.c.label)
            .where(accounts.c.label_key == row["label"].casefold(), accounts.c.address != address)
        )
        if taken is not None:
            raise Conflict(
                f"The label “{taken}” was given to another account. No account was added.", "Choose other labels.", field="label"
            )
        key = {"kind": kind.value, "path": row["path"], "wallet_id": wallet_id, "signer": ""}
        if known is not None:  # watched so far, or its key was lost: it keeps its label and gets a key
            connection.execute(accounts.update().where(accounts.c.id == known.id).values(key))
        else:
            new = {"id": row["id"], "address": address, "label": row["label"], "label_key": row["label"].casefold()}
            kept = {"group_name": row.get("group", ""), "position": LAST, "note": "", "created_at": now_ms()}
            connection.execute(accounts.insert().values(new | key | kept))
    connection.execute(wallets.update().where(wallets.c.id == wallet_id).values(state="ready"))


class KeepStep(Step):
    """Moves the pending secret to its final place and lists its accounts."""

    needs_key: ClassVar[bool] = True  # an item encrypted with the console passphrase can only be moved while unlocked

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        params = context.plan.params
        return {"wallet_id": str(params["wallet_id"]), "kind": str(params["wallet_kind"]), "accounts": rows_of(params)}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        rows = rows_of(prepared)
        await self._keeper.keep(AccountKind(str(prepared["kind"])), str(prepared["wallet_id"]), rows)
        context.report(f"{len(rows)} account{'s' if len(rows) > 1 else ''} can sign; the secret is in the keyring.")

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        rows = rows_of(prepared)
        if not await self._keeper.listed(str(prepared["wallet_id"]), rows):
            return Outcome(Happened.NOT_DONE)
        evidence = tuple(
            Evidence(
                EvidenceKind.ROW,
                f"account {row['address']}",
                read_at=now_ms(),
                status=EvidenceStatus.CLAIMED,
                check="listed, and its secret is in the keyring",
                trust=Trust.OPERATOR,
            )
            for row in rows
        )
        return Outcome(Happened.DONE, {"addresses": [row["address"] for row in rows]}, evidence)

    async def committed(self, outcome: Outcome, context: StepContext) -> None:
        await self._keeper.settle(str(context.plan.params["wallet_id"]))


async def preview_keys(plan: Plan, states: Mapping[str, str], vault: Vault) -> Preview:
    """What a creation changes: from no key (or a watched address) to a key in the keyring, per account.

    Args:
        states: key state by address of the accounts that exist already.
    """
    status = await vault.state()
    rows = rows_of(plan.params)
    available = str(status.state) == "available"
    verdicts = [
        Verdict("wallets.keyring", VerdictLevel.PASS, "The system keyring is open", f"Kept by {status.backend}")
        if available
        else Verdict("wallets.keyring", VerdictLevel.BLOCK, "The system keyring is not open", status.why)
    ]
    if status.ephemeral:
        verdicts.append(
            Verdict(
                "wallets.ephemeral",
                VerdictLevel.WARNING,
                "This keyring lasts only for this session",
                "Without a backup of the phrase the accounts are lost when it ends.",
            )
        )
    taken = [row for row in rows if states.get(row["address"]) == KeyState.IN_KEYRING]
    if taken:
        verdicts.append(
            Verdict(
                "wallets.known",
                VerdictLevel.BLOCK,
                f"{taken[0]['address']} has its key here already",
                "Nothing needs to be created.",
            )
        )
    return Preview(
        effects=_effects(rows, {row["address"]: states.get(row["address"], "none") for row in rows}, KeyState.IN_KEYRING.value),
        verdicts=tuple(verdicts),
        simulated_at=now_ms(),
        method="dry run",
        notes=("Only the backup of the phrase or key restores these accounts on another machine.",),
    )


def measure_keys(plan: Plan, states: Mapping[str, str]) -> tuple[Effect, ...]:
    """The same effects with what is true now."""
    before = {effect.subject: effect.before for effect in (plan.preview.effects if plan.preview else ())}
    rows = rows_of(plan.params)
    return tuple(
        Effect("key", row["address"], before.get(row["address"], "none"), states.get(row["address"], "none"), label=row["label"])
        for row in rows
    )


def _effects(rows: list[dict[str, str]], before: Mapping[str, str], after: str) -> tuple[Effect, ...]:
    return tuple(Effect("key", row["address"], before[row["address"]], after, label=row["label"]) for row in rows)
