"""Value proofs, minting and redemption on the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import (
    CHECK_FAILED,
    Limit,
    carry_out,
    leave,
    options,
    page_of,
    progress,
    report,
    run,
    show,
    table,
    tell_rest,
)
from app.core.errors import Cancelled, Conflict, Invalid, Unavailable
from app.core.events import JobChanged
from app.core.money import exact_units, parse_units

if TYPE_CHECKING:
    from app.console import Console
    from app.mining import Matching, ProofRow, RedemptionRow
    from app.mining.batching import Left
    from app.mining.comparing import Compared
    from app.mining.matching import Match
    from app.operations import Plan

mint = typer.Typer(help="Proofs of value: submit, review, mint.", no_args_is_help=True)
redeem = typer.Typer(help="Redemption of AZR for fiat: request, complete, cancel.", no_args_is_help=True)


@mint.command("submit")
def submit(
    contributor: Annotated[str, typer.Option(help="Account label or address that earns the reward")],
    activity: Annotated[str, typer.Option(help="Activity of the reward policy")],
    score: Annotated[int, typer.Option(help="Score, 0 to 100")],
    evidence: Annotated[
        str, typer.Option(help="File that shows the work, or its https:// address, which is fetched; its hash goes on chain")
    ],
    reward: Annotated[str, typer.Option(help="AZR, set by hand; it needs a review. Default: the policy prices it")] = "",
    deadline: Annotated[str, typer.Option(help="UTC, as 2026-12-31T23:59:59Z. Default: the policy's lifetime")] = "",
) -> None:
    """Put one proof of value into the review queue. A whole list of them: azora mint intake."""

    async def work(console: Console) -> ProofRow:
        given = {"contributor": contributor, "activity": activity, "score": str(score), "evidence": evidence}
        draft = await console.mining.intake.draft({**given, "reward": reward, "deadline": deadline})
        return await console.mining.submit(network_of(console).id, draft)

    row = run(work)
    show(row, people=lambda: f"Proof #{row.number} is {row.status.value}, reward {exact_units(row.reward, 18)} AZR.")


@mint.command("intake")
def intake(
    file: Annotated[Path, typer.Argument(help="CSV or JSON list of proofs; a folder is watched until Ctrl+C")],
) -> None:
    """Queue a list of proofs, each row for itself; evidence files lie beside the list. Exit code 9 when a row was refused."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console).id
        if file.is_dir():
            job = console.mining.watch_folder(network, file)
            end = console.bus.subscribe(
                JobChanged, lambda event: progress(job.text) if event.job_id == job.id and job.text else None
            )
            try:
                await job.wait()
            except asyncio.CancelledError:  # Ctrl+C: asyncio.run cancels what it runs
                told = f"{job.text}." if job.text else "No list was read."
                raise Cancelled(
                    f"The watch of {file} has ended. {told} Proofs that were queued stay in the queue.",
                    "A list that was not read to its end is still in the folder: watch it again, and no proof is taken twice.",
                ) from None
            finally:
                end()
        try:
            data = file.read_bytes()
        except OSError as error:
            raise Invalid(f"{file} cannot be read ({error.strerror}). Nothing was queued.", "Name a readable file.") from error
        try:
            return await console.mining.submit_list(network, data, file.name, file.parent)
        except asyncio.CancelledError:
            raise Cancelled(
                f"{file} was not read to its end. Proofs that were queued stay in the queue; the other rows were not queued.",
                "Take the list again: no proof is taken twice.",
            ) from None

    report_ = run(work)
    rows = [(o.line, f"#{o.number}" if o.number else "–", o.status, o.problem) for o in report_.outcomes]
    show(
        {
            "file": report_.name,
            "queued": report_.queued,
            "known": report_.known,
            "refused": report_.refused,
            "rows": report_.outcomes,
        },
        people=lambda: (
            table(("Line", "Proof", "State", "Why"), rows, empty="The list is empty.")
            + f"\n{report_.queued} queued, {report_.known} known already, {report_.refused} refused"
        ),
    )
    leave(CHECK_FAILED if report_.refused else 0)


@mint.command("review")
def review(
    proof: str,
    accept: Annotated[bool | None, typer.Option("--accept/--reject", help="Ready to mint, or not")] = None,
    reason: Annotated[str, typer.Option(help="Needed to reject; kept with the proof")] = "",
    ask: Annotated[str, typer.Option(help="Send it back to its contributor with this question")] = "",
    answer: Annotated[str, typer.Option(help="What the contributor answered; it waits for a review again")] = "",
) -> None:
    """Accept a proof for minting, reject it with a reason, or ask for more. What is said is kept with its author."""
    if sum((accept is not None, bool(ask), bool(answer))) != 1:
        raise typer.BadParameter("Give one of --accept, --reject, --ask and --answer. Nothing was changed.")

    async def work(console: Console) -> ProofRow:
        if answer:
            return await console.mining.answered(proof, answer)
        row = await console.mining.get(proof)
        if not ask:
            return await console.mining.review(row.id, bool(accept), reason)
        if not await console.mining.ask([row.id], ask):
            raise Conflict(f"Proof #{row.number} is no longer open. Nothing was changed.", "Look at the queue again.")
        return await console.mining.get(row.id)

    row = run(work)
    show(row, people=lambda: f"Proof #{row.number} is {row.status.value}. {row.reason}".strip())


@mint.command("fetch")
def fetch(
    proofs: Annotated[list[str] | None, typer.Argument(help="Proofs; default: all that wait for their content")] = None,
) -> None:
    """Fetch the addresses of proofs: one that waits gets its hash, any other is compared. Exit code 9 when one is not as it was.

    Allowed are https, on private networks too, and http to this machine; up to 256 MiB in 60 s, and five redirects, none to http.
    """

    async def work(console: Console) -> list[tuple[int, str, str]]:
        refs = proofs or [row.id for row in await console.mining.waiting(network_of(console).id)]
        told = []
        for ref in refs:
            row = await console.mining.get(ref)
            progress(f"Fetching {row.evidence_url}")
            try:
                look = await console.mining.fetch(row.id)
                told.append((row.number, look.state.value, look.why or look.sha256))
            except (Conflict, Unavailable) as error:
                told.append((row.number, "not fetched", str(error)))
        return told

    found = run(work)
    show(
        [{"proof": number, "state": state, "detail": detail} for number, state, detail in found],
        people=lambda: table(
            ("Proof", "Content", "SHA-256, or why not"),
            [(f"#{number}", state, detail) for number, state, detail in found],
            empty="No proof waits for its content.",
        ),
    )
    leave(CHECK_FAILED if any(state != "same" for _, state, _ in found) else 0)


@mint.command("revoke")
def revoke(proof: str, reason: Annotated[str, typer.Option(help="Kept with the proof")]) -> None:
    """Take a proof that is ready to mint out for good; a plan that minted or holds it is not undone."""
    row = run(lambda console: console.mining.revoke(proof, reason))
    show(row, people=lambda: f"Proof #{row.number} is {row.status.value}.")


@mint.command("queue")
def queue(
    limit: Limit = 200,
    before: Annotated[int | None, typer.Option(min=1, help="Only proofs with a lower number, as the page before says")] = None,
) -> None:
    """The mint queue, newest first, and how many proofs it has in all."""

    async def work(console: Console) -> tuple[list[ProofRow], int]:
        network = network_of(console).id
        found = await console.mining.queue(network, limit=limit + 1, before=before)
        return found, sum((await console.mining.counts(network)).values())

    found, total = run(work)
    rows, more = page_of(found, limit)
    show(
        rows,
        people=lambda: table(
            ("Proof", "State", "Contributor", "Activity", "Score", "AZR"),
            [(r.number, r.status.value, r.contributor, r.activity, r.score, exact_units(r.reward, 18)) for r in rows],
            empty="The queue is empty." if not total else f"No proof has a number below {before}.",
        ),
    )
    tell_rest(len(rows), total, f"--before {rows[-1].number}" if more else "")


@mint.command("batch")
def batch(
    submitter: Annotated[str, typer.Option("--from", help="Account that sends and pays")],
    attester: Annotated[str, typer.Option(help="Account that signs the proofs; default: the submitter")] = "",
    proofs: Annotated[list[str] | None, typer.Argument(help="Proofs to mint; default: all that are ready")] = None,
    most: Annotated[int, typer.Option(min=1, max=250, help="Proofs in one transaction at most; gas may allow fewer")] = 250,
) -> None:
    """Sign and mint ready proofs in batches sized by gas, each one plan, until none is left that can be minted now."""

    async def work(console: Console) -> tuple[list[Plan], tuple[Left, ...]]:
        network = network_of(console)
        sender = (await console.wallets.get(submitter)).address
        signer = (await console.wallets.get(attester)).address if attester else sender
        plans: list[Plan] = []
        while True:
            found = await console.mining.next_batch(network.id, sender, signer, proofs or None, most)
            if not found.rows and not plans:
                why = found.left[0].why if found.left else "None is ready."
                raise Conflict(f"No proof can be minted now. {why} Nothing was planned.", "Review proofs, or collect signatures.")
            if not found.rows:
                return plans, found.left
            progress(
                f"{_proofs(len(found.rows))}, about {found.gas:,} of {found.gas_limit:,} gas ({found.per_proof:,} per proof); "
                f"{found.more} for later batches"
            )
            plan = await console.mining.plan_mint(network.id, [row.id for row in found.rows], sender, signer)
            plans.append(await carry_out(console, plan))
            if plans[-1].state != "done":
                return plans, found.left

    plans, left = run(work)
    for each in left:
        progress(f"Proof #{each.number} is left: {each.why}")
    if len(plans) > 1 and options.json and plans[-1].state == "done":
        show({"plans": [plan.name for plan in plans], "left": left})
        return
    report(plans[-1])


@mint.command("reconcile")
def reconcile() -> None:
    """Compare queue, chain and ledger; rows follow what the contract says."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.mining.reconcile(network_of(console).id)

    show(run(work))


@redeem.command("request")
def request(
    account: Annotated[str, typer.Option("--from", help="Account whose AZR goes into escrow")],
    amount: Annotated[str, typer.Argument(help="AZR")],
    reference: Annotated[str, typer.Option(help="Reference that the payment will carry")],
) -> None:
    """Put AZR into escrow for a fiat payment."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        sender = (await console.wallets.get(account)).address
        plan = await console.redemptions.plan_request(
            network_of(console).id, sender, parse_units(amount, 18, unit="AZR"), reference
        )
        return await carry_out(console, plan)

    report(run(work))


@redeem.command("complete")
def complete(
    redemption: int,
    bank_reference: Annotated[str, typer.Option(help="Reference of the payment on the bank statement")],
    officer: Annotated[str, typer.Option("--from", help="Account with the officer role")],
) -> None:
    """State that the bank paid; the escrowed AZR is burned."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        sender = (await console.wallets.get(officer)).address
        return await carry_out(
            console, await console.redemptions.plan_complete(network_of(console).id, redemption, bank_reference, sender)
        )

    report(run(work))


@redeem.command("cancel")
def cancel(
    redemption: int, account: Annotated[str, typer.Option("--from", help="Account that requested it, or an officer")]
) -> None:
    """Take a request back; the AZR returns to its owner."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        sender = (await console.wallets.get(account)).address
        return await carry_out(console, await console.redemptions.plan_cancel(network_of(console).id, redemption, sender))

    report(run(work))


@redeem.command("refund")
def refund(
    redemption: int, account: Annotated[str, typer.Option("--from", help="Account that sends and pays the fee; anybody may")]
) -> None:
    """Send the escrow of a request that timed out back to its owner; the block time decides."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        sender = (await console.wallets.get(account)).address
        return await carry_out(console, await console.redemptions.plan_refund(network_of(console).id, redemption, sender))

    report(run(work))


@redeem.command("list")
def list_redemptions() -> None:
    """Requests and what became of them."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.redemptions.list(network_of(console).id)

    rows = run(work)
    show(
        rows,
        people=lambda: table(
            ("Id", "State", "Account", "AZR", "Reference", "Bank reference"),
            [(r.id, str(r.status), r.account, exact_units(r.amount, 18), r.reference, r.bank_reference) for r in rows],
            empty="No redemptions.",
        ),
    )


@redeem.command("statement")
def statement(
    file: Annotated[Path, typer.Argument(help="Bank statement: CSV, or camt.053 (ISO 20022)")],
) -> None:
    """Import a bank statement and hold it against the redemptions. Exit code 9 when a person must look."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        try:
            data = file.read_bytes()
        except OSError as error:
            raise Invalid(f"{file} cannot be read ({error.strerror}). Nothing was imported.", "Name a readable file.") from error
        read = await console.bank.add(data, file.name)
        progress(f"{read.kind}, {len(read.entries)} entries, {read.pending} pending ones left out")
        return await console.bank.match(network_of(console).id)

    _matches(run(work))


@redeem.command("match")
def match() -> None:
    """What the imported statements say of every redemption; external documents. Exit code 9 when a person must look."""
    _matches(run(lambda console: console.bank.match(network_of(console).id)))


@redeem.command("show")
def show_redemption(redemption: int) -> None:
    """One request beside its bank entry, field by field; external documents. Exit code 9 when a person must look."""
    from app.mining.comparing import compare

    async def work(console: Console) -> tuple[RedemptionRow, Match, tuple[Compared, ...], bool]:
        network = network_of(console).id
        row = await console.redemptions.get(network, redemption)
        found = await console.bank.match(network)
        match = next(one for one in found.matches if one.redemption == redemption)
        return row, match, compare(row, match), match in found.problems

    row, match, lines, problem = run(work)
    words = {True: "agrees", False: "differs", None: "–"}
    show(
        {"redemption": row, "match": match, "compared": lines},
        people=lambda: "\n".join(
            (
                f"R-{row.id}: {row.status.value}. {match.finding.value}: {match.text}",
                table(
                    ("Field", "On chain", "Bank entry", "Agrees"),
                    [(line.field, line.chain, line.bank, words[line.agrees]) for line in lines],
                    empty="Nothing to compare.",
                ),
                "The bank entry is an external document that somebody imported; not proven.",
            )
        ),
    )
    leave(CHECK_FAILED if problem else 0)


def _proofs(count: int) -> str:
    return "1 proof" if count == 1 else f"{count:,} proofs"


def _matches(found: Matching) -> None:
    rows = [(f"R-{m.redemption}", m.finding.value, m.owed if m.owed is not None else "–", m.text) for m in found.matches]
    rate = "no rate is entered (azora settings set mining.redemption_rate): amounts were not compared"
    show(
        found,
        people=lambda: "\n".join(
            (
                table(("Request", "Finding", "Owed", "Why"), rows, empty="No redemptions."),
                f"{len(found.unknown)} outgoing payments name no redemption; "
                + (f"1 AZR is paid {found.rate}" if found.rate is not None else rate),
                "From external documents that somebody imported; not proven.",
            )
        ),
    )
    leave(CHECK_FAILED if found.problems else 0)
