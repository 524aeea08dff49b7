"""What contracts cost, on the command line: ``azora contract gas``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.contracts import contracts
from app.cli.support import CHECK_FAILED, leave, progress, run, show, table
from app.core.errors import Invalid

if TYPE_CHECKING:
    from app.console import Console
    from app.contracts.gas import Change, GasReport


@contracts.command("gas")
def gas(
    folder: Annotated[Path | None, typer.Argument(help="A project with Foundry-style tests; default: our contracts")] = None,
    baseline: Annotated[str, typer.Option(help="save: keep this report as the baseline; compare: against the kept one")] = "",
    file: Annotated[Path | None, typer.Option(help="The baseline's file; default: gas-baseline.json of the project")] = None,
    tolerance: Annotated[float, typer.Option(min=0, help="Percent that a figure may grow before exit code 9")] = 0.0,
    chain: Annotated[
        bool, typer.Option("--chain", help="Measure transactions to the network's deployed contracts instead")
    ] = False,
    first: Annotated[int | None, typer.Option("--from-block", help="With --chain; default: of the first deployment")] = None,
    last: Annotated[int | None, typer.Option("--to-block", help="With --chain; default: the newest")] = None,
    export: Annotated[Path | None, typer.Option(help="Also write the report here: .csv, or JSON")] = None,
    programs: Annotated[bool, typer.Option("--allow-programs", help="Let tests run programs of this machine (ffi)")] = False,
) -> None:
    """Gas per contract and function, and code sizes. With --baseline compare, exit code 9 when something grew."""
    if baseline not in ("", "save", "compare"):
        raise typer.BadParameter("--baseline is save or compare")
    if not chain and (first is not None or last is not None):
        raise typer.BadParameter("--from-block and --to-block go with --chain")

    async def work(console: Console) -> tuple[GasReport, list[Change]]:
        from app.contracts.projects import ours

        room = console.contracts
        project = room.projects.open(folder) if folder else ours(room.toolchain.modules)
        if chain:
            if baseline and file is None:
                raise Invalid("The baseline of a chain belongs to no project. Nothing was measured.", "Name its file with --file.")
            report = await room.gas.on_chain(network_of(console).id, first, last)
        else:
            progress("Running the tests with a gas report")
            report = await room.gas.of_tests(project, allow_programs=programs)
        if export is not None:
            report.save(export)
        if baseline == "save":
            progress(f"Baseline: {await room.gas.save(report, project, file)}")
        return report, await room.gas.compare(report, project, file) if baseline == "compare" else []

    report, changes = run(work)
    grown = report.grown(changes, tolerance)
    told = {"report": report, "changes": changes, "grown": len(grown)}
    show(told, people=lambda: "\n".join(_lines(report, changes if baseline == "compare" else None)))
    leave(CHECK_FAILED if grown else 0)


def _lines(report: GasReport, changes: list[Change] | None) -> list[str]:
    lines = [report.about]
    for each in report.contracts:
        created = f", created for {each.deployment:,} gas" if each.deployment else ""
        lines.append(f"\n{each.name} ({each.source}): {each.size:,} bytes, {each.share:.0%} of 24 KiB{created}")
        rows = [(f.signature, f.calls, f.least, f.mean, f.median, f.most) for f in each.functions]
        lines.append(table(("Function", "Calls", "Min", "Mean", "Median", "Max"), rows, empty="No calls."))
    if changes is not None:
        changed = [(c.contract, c.figure, _number(c.before), _number(c.after), _percent(c)) for c in changes]
        lines.append("\n" + table(("Contract", "Figure", "Before", "Now", "Change"), changed, empty="As in the baseline."))
    return lines


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _percent(change: Change) -> str:
    return "" if change.percent is None else f"{change.percent:+.2f} %"
