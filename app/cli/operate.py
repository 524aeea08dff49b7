"""Plans, journal, access and settings on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.support import (
    CHECK_FAILED,
    Limit,
    carry_out,
    describe,
    leave,
    moment,
    page_of,
    read_secret,
    report,
    run,
    show,
    table,
    tell_rest,
)
from app.core.secret import Secret

if TYPE_CHECKING:
    from app.audit.journal import Entry
    from app.console import Console
    from app.operations import Plan

plans = typer.Typer(help="Every change is a plan: list, show, run, stop, recover.", no_args_is_help=True)
journal = typer.Typer(help="The hash-chained record of everything done.", no_args_is_help=True)
access = typer.Typer(help="Operator, role, console passphrase and lock.", no_args_is_help=True)
settings = typer.Typer(help="Typed settings and where each value comes from.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(help="PLN-0001, or the plan's id.")]


@plans.command("list")
def list_plans(
    limit: Limit = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Only plans with a lower number, as the page before says")] = None,
) -> None:
    """The newest plans and their states."""

    async def work(console: Console) -> tuple[list[Plan], list[Plan]]:
        return await console.operations.page(before=before, limit=limit + 1), await console.operations.page(limit=1)

    found, newest = run(work)
    page, more = page_of(found, limit)
    rows = [(p.name, p.state.value, moment(p.created_at), p.target.name, p.title, p.reason) for p in page]
    show(
        [{"plan": p.name, "id": p.id, "state": p.state, "kind": p.kind, "title": p.title, "reason": p.reason} for p in page],
        people=lambda: table(("Plan", "State", "Created (UTC)", "On", "Title", "Reason"), rows, empty="No plans yet."),
    )
    tell_rest(len(page), newest[0].number if newest else 0, f"--before {page[-1].number}" if more else "")


@plans.command("show")
def show_plan(plan: Reference) -> None:
    """One plan with preview, steps and receipt."""
    found = run(lambda console: console.operations.get(plan))
    show(found, people=lambda: describe(found))


@plans.command("run")
def run_plan(plan: Reference) -> None:
    """Confirm a previewed plan and carry it out."""

    async def work(console):  # type: ignore[no-untyped-def]
        return await carry_out(console, await console.operations.preview((await console.operations.get(plan)).id))

    report(run(work))


@plans.command("stop")
def stop_plan(plan: Reference) -> None:
    """Stop before the next step. What was sent cannot be called back."""

    async def work(console):  # type: ignore[no-untyped-def]
        return await console.operations.stop((await console.operations.get(plan)).id)

    report(run(work))


@plans.command("retry")
def retry_plan(
    plan: Reference,
    second: Annotated[str, typer.Option("--second", help="State in words that it is meant a second time, where it says so.")] = "",
) -> None:
    """Plan an ended plan anew, with the same parameters, and carry it out."""

    async def work(console):  # type: ignore[no-untyped-def]
        return await carry_out(console, await console.operations.retry((await console.operations.get(plan)).id, second))

    report(run(work))


@plans.command("recover")
def recover_plans() -> None:
    """Take up plans whose process died: look what became of each step, finish or explain."""
    recovered = run(lambda console: console.recovered())
    show(
        [{"plan": p.name, "state": p.state, "reason": p.reason} for p in recovered],
        people=lambda: table(
            ("Plan", "State", "Reason"), [(p.name, p.state.value, p.reason) for p in recovered], empty="Nothing to recover."
        ),
    )


@journal.command("verify")
def verify_journal() -> None:
    """Recompute every hash; a changed, removed, reordered or cut-off entry is named. Exit code 9 when one is found."""
    verdict = run(lambda console: console.journal.verify())
    good = f"The journal is whole: {verdict.entries:,} entries, head {verdict.head_sequence} {verdict.head_hash[:12]}…"
    show(verdict, people=good if verdict.ok else f"The journal does not verify. {verdict.problem}")
    leave(0 if verdict.ok else CHECK_FAILED)


@journal.command("list")
def list_journal(
    limit: Limit = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Only older entries than this one, as the page before says")] = None,
) -> None:
    """The newest entries."""

    async def work(console: Console) -> tuple[list[Entry], Entry | None]:
        return await console.journal.page(before, limit + 1), await console.journal.head()

    found, head = run(work)
    page, more = page_of(found, limit)
    rows = [(e.sequence, moment(e.at), e.actor, e.text, e.entry_hash[:12]) for e in page]
    show(page, people=lambda: table(("Entry", "Time (UTC)", "Actor", "Act", "Hash"), rows, empty="The journal is empty."))
    tell_rest(len(page), head.sequence if head else 0, f"--before {page[-1].sequence}" if more else "")


@access.command("show")
def show_access() -> None:
    """Operator, role, lock and keyring."""

    async def work(console):  # type: ignore[no-untyped-def]
        keyring = await console.vault.state()
        return {
            "operator": console.access.operator.name,
            "role": console.access.operator.role,
            "locked": console.access.locked,
            "passphrase_set": console.access.passphrase_set,
            "keyring": {"state": keyring.state, "backend": keyring.backend, "why": keyring.why, "ephemeral": keyring.ephemeral},
        }

    show(run(work))


@access.command("role")
def set_role(role: Annotated[str, typer.Argument(help="administrator, auditor or developer")]) -> None:
    """Take a role. Auditors plan and preview but never confirm."""
    from app.access import Role
    from app.core.errors import Invalid

    if role not in {r.value for r in Role}:
        raise Invalid(f"“{role}” is no role. Nothing was changed.", "Use administrator, auditor or developer.", field="role")
    run(lambda console: console.access.set_role(Role(role)))
    show({"role": role}, people=f"You act as {role} now.")


@access.command("passphrase")
def set_passphrase(
    new_file: Annotated[
        str, typer.Option("--new", help="File with the new passphrase, - is standard input; empty file removes it.")
    ],
    old_file: Annotated[str, typer.Option("--old", help="File with the present one, when there is one.")] = "",
    forget_lost: Annotated[
        bool, typer.Option("--forget-lost", help="Give up items under the forgotten passphrase of a lost store.")
    ] = False,
) -> None:
    """Set, change or remove the console passphrase; keyring items are encrypted anew with it."""
    new = read_secret(new_file, "new passphrase")
    old = read_secret(old_file, "present passphrase") if old_file else None
    empty = not new.reveal()
    run(lambda console: console.access.set_passphrase(old, None if empty else Secret(new.reveal()), forget_lost=forget_lost))
    show({"passphrase_set": not empty}, people="The console passphrase was removed." if empty else "The console passphrase is set.")


@access.command("recover")
def recover_passphrase(
    passphrase_file: Annotated[str, typer.Option("--passphrase", help="File with the passphrase; - is standard input.")],
) -> None:
    """After the store was lost: take its passphrase over from the keyring, so that the keys there open again."""
    given = read_secret(passphrase_file, "passphrase")

    async def work(console):  # type: ignore[no-untyped-def]
        await console.access.recover(given)
        return await console.wallets.strays()

    found = run(work)
    hint = f" {len(found)} secrets there belong to no account: azora wallet adopt." if found else ""
    show({"recovered": True, "strays": found}, people=f"The passphrase is taken over; the keyring's items open with it.{hint}")


@access.command("lock")
def lock() -> None:
    """Lock the console: what it holds unlocked is dropped."""
    run(lambda console: console.access.lock("from the command line"))
    show({"locked": True}, people="The console is locked.")


@settings.command("list")
def list_settings() -> None:
    """Every setting, its value and its source."""

    async def work(console):  # type: ignore[no-untyped-def]
        return {"values": console.settings.value.model_dump(), "notices": list(console.settings.notices)}

    show(run(work))


@settings.command("set")
def set_setting(key: str, value: str) -> None:
    """Change one setting, such as ``appearance.theme dark``."""

    async def work(console):  # type: ignore[no-untyped-def]
        console.settings.set(key, value)

    run(work)
    show({key: value}, people=f"{key} = {value}")
