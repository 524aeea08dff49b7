"""Emission and proof of work on the command line: ``azora mint worker``, ``status``, ``bench``, ``solve``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.mint import mint
from app.cli.support import carry_out, moment, passphrase, progress, report, run, show, table
from app.core.errors import Conflict, Invalid, NotFound
from app.core.events import JobChanged
from app.core.money import exact_units, parse_units, short_units

if TYPE_CHECKING:
    from app.console import Console
    from app.core.evidence import Figure
    from app.mining import EmissionReport
    from app.mining.work import Profit, Proposal, Worker, WorkState


@mint.command("bench")
def bench(
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How long the fastest kernel runs on all threads")] = 3.0,
    threads: Annotated[int, typer.Option(min=0, max=1024, help="0: one per core")] = 0,
) -> None:
    """Measure how fast this machine searches for proofs of work (EIP-918), by instruction set. Needs no home and no chain."""
    from app.mining.kernel.bench import bench as measure

    found = measure(seconds, threads)
    show(
        found,
        people=lambda: "\n".join(
            (
                f"{found.instruction_set}: {found.mh_per_second:.2f} MH/s on {found.threads} threads, "
                f"{found.mh_per_second_per_core:.2f} MH/s per core",
                f"  ready in {found.start_up_seconds:.2f} s, {found.memory_bytes / 1e6:.0f} MB",
                *(f"  {each.instruction_set:8} {each.mh_per_second_per_core:8.2f} MH/s per core" for each in found.kernels),
            )
        ),
    )


@mint.command("worker")
def worker(
    account: Annotated[str, typer.Option("--account", help="Account that signs and gets the rewards: label or address")],
    threads: Annotated[int, typer.Option(min=0, help="0: one per core")] = 0,
    throttle: Annotated[int, typer.Option(min=1, max=100, help="Share of the time in which it searches, percent")] = 100,
    solutions: Annotated[int, typer.Option(help="End after so many accepted solutions; 0: never")] = 0,
    name: Annotated[str, typer.Option(help="What the worker is called on the roll")] = "",
) -> None:
    """Mine by proof of work (EIP-918), without a window. SIGTERM and Ctrl+C end it after the solution at hand."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        who = await console.wallets.get(account)
        job = await console.work.start_worker(
            network.id,
            who.address,
            name=name,
            threads=threads,
            throttle=throttle,
            solutions=solutions,
            passphrase=passphrase(),
        )
        worker_id = job.link.rpartition("/")[2]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(
                number, lambda: console.jobs.quietly("stop the worker", lambda: console.work.stop_worker(worker_id))
            )
        end = console.bus.subscribe(JobChanged, lambda event: progress(job.text) if event.job_id == job.id and job.text else None)
        try:
            return await job.wait()
        finally:
            end()

    counts = run(work)
    show(
        counts, people=lambda: f"{counts.accepted} accepted, {counts.stale} stale, {counts.rejected} rejected, {counts.wrong} wrong"
    )


@mint.command("status")
def status() -> None:
    """Emission (after indexing to the head), and proof of work where it is deployed: challenge, difficulty, reward, workers."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        await console.ledger.index(network.id)
        emission = await console.mining.emission(network.id)
        try:
            state = await console.work.state(network.id)
        except NotFound:
            return emission, None, [], []
        return emission, state, await console.work.profits(network.id), await console.work.proposals(network.id)

    emission, state, profits, proposals = run(work)
    workers = [worker for worker, _ in profits]
    found = {"emission": emission, "work": state, "workers": workers, "profits": [profit for _, profit in profits]}
    show(found | {"proposals": proposals}, people=lambda: "\n".join((*_emission(emission), *_work(state, profits, proposals))))


def _emission(report: EmissionReport) -> Iterator[str]:
    def azr(figure: Figure) -> str:
        return exact_units(int(figure.value), figure.decimals)

    supply = report.supply
    yield f"Supply {azr(supply.supply)} of at most {azr(supply.cap)} AZR, block {report.block:,}: {supply.supply.evidence[0].words}"
    yield f"Minted {azr(supply.minted)}, burned {azr(supply.burned)}: {supply.minted.evidence[0].words}"
    if report.left_in_epoch is not None:
        yield f"Left in this epoch: {azr(report.left_in_epoch)} AZR ({report.left_in_epoch.evidence[0].words.lower()})"
    if report.problem:
        yield report.problem
    parts = (("Minted by", report.sources), ("Burned", report.burned), ("Activity", report.activities))
    for heading, shares in (*parts, ("Contributor", report.contributors)):
        yield ""
        yield table(
            (heading, "Count", "AZR"), [(s.label, s.count, azr(s.amount)) for s in shares], empty=f"{heading}: nothing yet."
        )
    epochs = [(e.epoch, moment(e.start * 1000), e.proofs, azr(e.minted), azr(e.budget)) for e in report.epochs]
    yield ""
    yield table(("Epoch", "From (UTC)", "Mints", "AZR", "Budget"), epochs, empty="No epoch is known.")
    if report.eras:
        yield ""
        eras = [(e.era, exact_units(e.reward, 18), e.solutions, azr(e.minted)) for e in report.eras]
        yield table(("Era", "Reward", "Solutions", "AZR"), eras, empty="")


def _work(state: WorkState | None, profits: Sequence[tuple[Worker, Profit]], proposals: Sequence[Proposal]) -> Iterator[str]:
    yield ""
    if state is None:
        yield "No proof of work is deployed here. Deploy it: azora contract deploy --system work"
        return
    rows = [
        (
            w.name,
            w.host if w.place == "local" else f"{w.host} ({w.place})",
            w.state.value,
            w.instruction_set,
            round(w.hash_rate / 1e6, 2),
            "–" if p.profit is None else f"{p.profit:.4f} {p.currency}",
            w.accepted,
            w.stale,
            w.rejected,
            moment(w.seen_at),
        )
        for w, p in profits
    ]
    yield f"Difficulty {state.difficulty:,}, about {state.hashes_expected:,} hashes for a solution, block {state.block:,}"
    yield (
        f"Reward {exact_units(state.reward, 18)} AZR in era {state.era}; {state.epoch_count:,} solutions, "
        f"{exact_units(state.minted, 18)} AZR mined"
    )
    yield table(
        ("Worker", "Host", "State", "Set", "MH/s", "Per hour", "Accepted", "Stale", "Rejected", "Seen (UTC)"),
        rows,
        empty="No worker has mined here. Start one: azora mint worker --account LABEL",
    )
    for proposal in proposals:
        number = f" to {proposal.replicas}" if proposal.act.value == "scale" else ""
        yield f"Proposed: {proposal.act.value}{number}. {proposal.reason} {proposal.blocked}".rstrip()


@mint.command("solve")
def solve(
    nonce: Annotated[str, typer.Argument(help="64 hex digits")],
    account: Annotated[str, typer.Option("--account", help="Account for which it was found")],
) -> None:
    """Claim the reward for a nonce that was found elsewhere."""
    try:
        raw = bytes.fromhex(nonce.removeprefix("0x"))
    except ValueError:
        raise Invalid("A nonce is 64 hex digits. Nothing was planned.", "Copy it again.", field="nonce") from None

    async def work(console: Console):  # type: ignore[no-untyped-def]
        who = await console.wallets.get(account)
        return await carry_out(console, await console.work.plan_solution(network_of(console).id, who.address, raw))

    report(run(work))


async def _find(console: Console, name: str) -> Worker:
    found = [w for w in await console.work.workers(network_of(console).id) if name in (w.id, w.name)]
    living = [w for w in found if w.state.value != "stopped"] or found
    if len(living) != 1:
        which = "no worker" if not living else f"{len(living)} workers"
        raise Conflict(
            f"{which[0].upper()}{which[1:]} of this network answer to “{name}”. Nothing was asked.", "Name it by its id."
        )
    return living[0]


@mint.command("tell")
def tell(
    worker: Annotated[str, typer.Argument(help="Name or id of a worker, on whatever machine")],
    pause: Annotated[bool | None, typer.Option("--pause/--resume")] = None,
    throttle: Annotated[
        int | None, typer.Option(min=1, max=100, help="Share of the time in which it searches, percent; to halt it: --pause")
    ] = None,
    watts: Annotated[float | None, typer.Option(help="Power read off a meter; shown as entered")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End after the solution at hand")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Strike an ended or silent one off the roll")] = False,
) -> None:
    """Pause, throttle or stop a worker; it follows within seconds."""
    if pause is None and throttle is None and watts is None and not stop and not forget:
        raise typer.BadParameter("Give one of --pause, --resume, --throttle, --watts, --stop and --forget. Nothing was asked.")

    async def work(console: Console):  # type: ignore[no-untyped-def]
        found = await _find(console, worker)
        if pause is not None:
            await console.work.pause_worker(found.id, pause)
        if throttle is not None:
            await console.work.throttle_worker(found.id, throttle)
        if watts is not None:
            await console.work.enter_watts(found.id, watts)
        if stop:
            await console.work.stop_worker(found.id)
        if forget:
            await console.work.forget_worker(found.id)
            return None
        return (await console.work.workers(network_of(console).id), found.id)

    answer = run(work)
    if answer is None:
        show({"forgotten": worker}, people=f"{worker} was struck off the roll.")
        return
    workers, worker_id = answer
    asked = next(w for w in workers if w.id == worker_id)
    show(asked, people=f"{asked.name} was told. azora mint status shows when it follows.")


@mint.command("whatif")
def whatif(
    epochs: Annotated[int, typer.Option(help="How many epochs")] = 24,
    epoch_length: Annotated[int, typer.Option(help="Seconds")] = 3600,
    epoch_budget: Annotated[str, typer.Option(help="AZR per epoch")] = "36000",
    supply: Annotated[str, typer.Option(help="AZR in existence before the first epoch")] = "0",
    proofs: Annotated[int, typer.Option(help="Value proofs per epoch")] = 0,
    reward: Annotated[str, typer.Option(help="AZR that a proof is worth")] = "100",
    burn_rate: Annotated[int, typer.Option(help="Share of each reward that is burned, basis points")] = 0,
    solutions: Annotated[int, typer.Option(help="Solutions of proof of work per epoch")] = 0,
    work_reward: Annotated[str, typer.Option(help="AZR for a solution of the first era")] = "50",
    solutions_per_era: Annotated[int, typer.Option(help="After so many the reward halves")] = 100_000,
    cap: Annotated[str, typer.Option(help="AZR that may exist at once")] = "1000000000",
) -> None:
    """What would come of other rates, caps, halvings and burn rates: the contracts' own code, run in this process. No forecast."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        from app.mining import Question

        amounts = (parse_units(text, 18, unit="AZR") for text in (epoch_budget, supply, reward, work_reward, cap))
        budget, before, each, first, most = amounts
        question = Question(
            epochs, epoch_length, budget, before, proofs, each, burn_rate, solutions, first, solutions_per_era, most
        )
        return await console.mining.whatif(question)

    found = run(work)
    rows = [
        (
            r.epoch,
            *(short_units(n, 18) for n in (r.minted_value, r.minted_work, r.burned, r.supply, r.budget_left)),
            _refusals(r.refused),
        )
        for r in found.rows
    ]
    show(
        found,
        people=lambda: "\n".join(
            (
                table(("Epoch", "By value", "By work", "Burned", "Supply", "Budget left", "Refused"), rows, empty=""),
                "The cap is never reached." if found.full_at is None else f"The cap refuses from epoch {found.full_at} on.",
                f"Simulated: {found.evidence.check}.",
            )
        ),
    )


def _refusals(refused: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in refused.items()) or "–"
