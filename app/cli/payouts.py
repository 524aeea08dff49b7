"""Payouts on the command line: check a file, pay it, go on with it, and what became of every row."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from app.cli.chains import network_of
from app.cli.money import BAD_ROWS, Level, MaxFee, Tip, Token, fee_choice, read_file, write_file
from app.cli.support import PLAN_FAILED, PLAN_WAITS, carry_out, leave, run, show, table
from app.core.errors import Conflict, Invalid, NotFound
from app.core.money import exact_units

if TYPE_CHECKING:
    from app.console import Console
    from app.operations import Plan
    from app.wallets import PayoutCheck, PayoutRow

MOST_SHOWN = 20


def payout(
    file: Annotated[str, typer.Argument(help="CSV with the headings address, amount, memo and compared; - is standard input")] = "",
    sender: Annotated[str, typer.Option("--from", help="Account label or address")] = "",
    token: Token = "AZR",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the payout of this file, or with the newest one")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check the file")] = False,
    again: Annotated[bool, typer.Option("--again", help="Pay the file although it was paid before")] = False,
    continue_on_failure: Annotated[
        bool, typer.Option("--continue-on-failure", help="A failed row does not hold up others")
    ] = False,
    compared: Annotated[list[str] | None, typer.Option(help="A look-alike address again, from its source; may be repeated")] = None,
    statement: Annotated[
        str, typer.Option("--second-payment", help="Why rows whose nonce a foreign transaction took are to be paid all the same")
    ] = "",
    level: Level = "",
    max_fee: MaxFee = "",
    tip: Tip = "",
) -> None:
    """Pay many recipients as one plan; each row exactly once, also after a kill. Exit code 2 when rows cannot be paid."""
    if not file and not resume:
        raise Invalid("No file was named. Nothing was done.", "Name a CSV file, or --resume for the newest payout.")
    fee = fee_choice(level, max_fee, tip)

    async def work(console: Console):  # type: ignore[no-untyped-def]
        found = await _checked(console, file, sender, token, compared or []) if file else None
        if check or (found is not None and found.problems):
            return found, None, []
        plan = await _known(console, found)
        if resume:
            plan = await _go_on(console, plan, fee, statement)
        else:
            assert found is not None
            _require_new(plan, again=again)
            plan = await console.wallets.plan_payout(found, fee, continue_on_failure=continue_on_failure)
            plan = await carry_out(console, plan)
        return found, plan, await console.wallets.payout_rows(plan.id)

    found, plan, rows = run(work)
    if plan is None:
        show(found, people=lambda: _told(found))
        leave(BAD_ROWS if found.problems else 0)
    _report(plan, rows)


def payout_rows(
    plan: Annotated[str, typer.Argument(help="PLN-0001, or the plan's id")],
    out: Annotated[str, typer.Option("--out", help="New CSV file for the rows")] = "",
) -> None:
    """What became of every row of a payout."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        found = await console.operations.get(plan)
        return found, await console.wallets.payout_rows(found.id), await console.wallets.export_payout(found.id)

    found, rows, text = run(work)
    if out:
        write_file(out, text)
    show(
        {"plan": found.name, "state": found.state, "rows": rows},
        people=lambda: table(
            ("Line", "Address", "Label", "Amount", "State", "Transaction", "Memo"),
            [(row.line, row.address, row.label, _amount(row, found), row.state.value, row.tx_hash, row.memo) for row in rows],
            empty="No rows.",
        ),
    )


async def _checked(console: Console, file: str, sender: str, token: str, compared: list[str]) -> PayoutCheck:
    if not sender:
        raise Invalid("No account was named that pays. Nothing was done.", "Add --from ACCOUNT.", field="sender")
    network = network_of(console)
    contract = await console.token_address(network, token)
    return await console.wallets.check_payout(network.id, sender, read_file(file), contract, compared)


async def _known(console: Console, found: PayoutCheck | None) -> Plan | None:
    """The payout of the file, or without one the newest."""
    if found is not None:
        return await console.wallets.payout_of(found)
    plans = await console.operations.params_of(("wallets.payout",))
    return await console.operations.get(plans[-1][0]) if plans else None


def _require_new(plan: Plan | None, *, again: bool) -> None:
    if plan is None or again:
        return
    from app.operations import PlanState

    if plan.state in (PlanState.DRAFT, PlanState.PREVIEWED):
        return
    if plan.state is PlanState.DONE:
        raise Conflict(f"{plan.name} paid just these rows. Nothing was paid again.", "Add --again if it is a second payment.")
    raise Conflict(
        f"{plan.name} pays just these rows and is {plan.state.value}. Nothing was begun.", "Add --resume to go on with it."
    )


async def _go_on(console: Console, plan: Plan | None, fee: dict[str, str], statement: str) -> Plan:
    from app.operations import PlanState

    if plan is None:
        raise NotFound("There is no such payout. Nothing was done.", "Start it without --resume.")
    await console.recovered()
    plan = await console.operations.get(plan.id)
    if plan.state in (PlanState.DRAFT, PlanState.PREVIEWED):
        return await carry_out(console, await console.operations.preview(plan.id))
    if plan.state is PlanState.DONE or not plan.state.ended:
        return plan
    return await carry_out(console, await console.wallets.plan_payout_rest(plan.id, fee, statement))


def _told(found: PayoutCheck) -> str:
    total = f"{len(found.rows):,} rows, {exact_units(found.total, found.token.decimals)} {found.token.symbol}"
    unseen = [
        f"Line {row.line}: {row.address} was never paid from here." for row in found.rows if not row.problem and not row.known
    ]
    rest = [f"{len(unseen) - MOST_SHOWN:,} more were never paid from here."] if len(unseen) > MOST_SHOWN else []
    looked = [f"look at {warning}" for warning in found.warnings]
    return "\n".join([*found.problems, *looked, *unseen[:MOST_SHOWN], *rest, total])


def _amount(row: PayoutRow, plan: Plan) -> str:
    return f"{exact_units(row.amount, int(str(plan.params['decimals'])))} {plan.params['symbol']}"


def _report(plan: Plan, rows: list[PayoutRow]) -> NoReturn:
    from app.operations import PlanState

    counts = Counter(row.state.value for row in rows)
    said = {"plan": plan.name, "id": plan.id, "state": plan.state, "reason": plan.reason, "counts": counts, "rows": rows}

    def people() -> str:
        open_rows = [row for row in rows if row.state.value != "paid"]
        lines = [f"{plan.name} {plan.state.value}. {plan.reason}".strip()]
        lines.append(", ".join(f"{count:,} {state}" for state, count in sorted(counts.items())))
        lines += [f"  line {row.line}: {row.state.value} {row.tx_hash} {row.error}".rstrip() for row in open_rows[:MOST_SHOWN]]
        return "\n".join(lines)

    show({**said, "receipt": plan.receipt}, people=people)
    blocked = plan.state is PlanState.PREVIEWED and plan.preview is not None and plan.preview.blocked
    failed = blocked or (plan.state.ended and plan.state is not PlanState.DONE)
    leave(PLAN_WAITS if plan.state in (PlanState.WAITING, PlanState.RUNNING) else PLAN_FAILED if failed else 0)
