"""Solidity tests on the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.contracts import contracts
from app.cli.support import CHECK_FAILED, leave, progress, run, show, table
from app.core.errors import ConsoleError, Invalid

if TYPE_CHECKING:
    from app.console import Console
    from app.contracts import Coverage, TestFilter, TestReport, TestSuite


@contracts.command("test")
def test(
    folder: Annotated[Path | None, typer.Argument(help="A Foundry-style project; default: our contracts")] = None,
    match: Annotated[str, typer.Option(help="Regular expression looked for in “file:Contract test”")] = "",
    path: Annotated[str, typer.Option("--match-path", help="Pattern for the file, such as test/Token*.sol")] = "",
    contract: Annotated[str, typer.Option("--match-contract", help="Regular expression for the contract")] = "",
    name: Annotated[str, typer.Option("--match-test", help="Regular expression for the test")] = "",
    again: Annotated[bool, typer.Option("--rerun-failed", help="Only those that failed when they ran last")] = False,
    listing: Annotated[bool, typer.Option("--list", help="Name the tests and run none")] = False,
    seed: Annotated[str, typer.Option("--seed", help="Of fuzz and invariant tests, as 0x…")] = "",
    xml: Annotated[Path | None, typer.Option("--junit", help="Also write the report as JUnit XML here")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Also say which lines and branches the tests reach")] = False,
    gas: Annotated[bool, typer.Option("--gas", help="Also list what each test used")] = False,
    programs: Annotated[bool, typer.Option("--allow-programs", help="Let tests run programs of this machine (ffi)")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Run again whenever something changes, until Ctrl+C")] = False,
) -> None:
    """Run Foundry-style tests through forge with the in-process compiler, offline. Exit code 9 when one fails, or none ran."""
    if watch and (xml or coverage or listing or programs):
        raise typer.BadParameter("--watch goes with none of --junit, --coverage, --list and --allow-programs")

    async def wanted(console: Console) -> TestFilter:
        from app.contracts import TestFilter

        if not again:
            return TestFilter(match, path, contract, name)
        if match or path or contract or name:
            raise Invalid("--rerun-failed already says which tests. Nothing was run.", "Leave the other filters out.")
        return await console.contracts.tests.failed(folder)

    async def work(console: Console) -> tuple[TestReport, Coverage | None]:
        tests, which = console.contracts.tests, await wanted(console)
        found = await tests.run(folder, which, report=progress, each=_told, seed=seed, allow_programs=programs)
        if coverage:
            progress("Compiling without the optimizer and running again, for coverage")
        return found, await tests.coverage(folder, which, allow_programs=programs) if coverage else None

    async def name_them(console: Console) -> tuple[TestSuite, ...]:
        return await console.contracts.tests.tree(folder, await wanted(console))

    async def follow(console: Console) -> None:
        await console.contracts.tests.watch(folder, await wanted(console), lambda said: _show(said, None, gas)).wait()

    if watch:
        run(follow)
        return
    if listing:
        suites = run(name_them)
        rows = [(test.name, test.kind.value, suite.name, str(test.source)) for suite in suites for test in suite.tests]
        show({"suites": suites}, people=lambda: table(("Test", "Kind", "Contract", "Place"), rows, empty="No tests."))
        return
    report, reached = run(work)
    if xml is not None:
        from app.contracts.testing import junit

        run(lambda _: asyncio.to_thread(xml.write_text, junit(report), encoding="utf-8"))
    _show(report, reached, gas)
    leave(CHECK_FAILED if report.failed or not report.passed else 0)


def _told(suite: TestSuite) -> None:
    progress(f"{suite.name}: {len(suite.tests) - suite.failed} of {len(suite.tests)} held")


def _show(said: TestReport | ConsoleError, reached: Coverage | None, gas: bool) -> None:
    if isinstance(said, ConsoleError):
        progress(str(said))
        return
    data = {**said.summary(), "failures": said.failures, "seconds": said.seconds, "seed": said.seed, "suites": said.suites}
    show(data | ({"coverage": reached} if reached else {}), people=lambda: "\n".join(_lines(said, reached, gas)))


def _lines(report: TestReport, reached: Coverage | None, gas: bool) -> list[str]:
    from app.contracts import TestStatus
    from app.contracts.testing.junit import written

    lines: list[str] = []
    for case in report:
        if case.status is not TestStatus.FAILED:
            continue
        lines += [f"FAILED {case.suite} {case.name}", f"  {case.reason}"]
        lines += [f"  with {case.counter_example}"] if case.counter_example else []
        lines += [f"  at {place.function} {place}" for place in case.backtrace if place.line]
        lines += [f"  log: {text}" for text in case.logs]
        lines += [f"    {text}" for trace in case.traces[-1:] for text in written(trace)]
    if gas:
        rows = [(case.suite.rpartition(":")[2], case.name, case.kind.value, case.runs, case.gas) for case in report if case.passed]
        lines.append(table(("Contract", "Test", "Kind", "Runs", "Gas"), rows, empty="Nothing passed."))
    if reached is not None:
        reach = [
            (
                file.file,
                f"{file.lines_hit}/{len(file.lines)}",
                f"{file.branches_hit}/{len(file.branches)}",
                ", ".join(map(str, sorted({*file.missed, *file.branches_missed}))),
            )
            for file in reached.files
        ]
        lines.append(table(("Source", "Lines", "Branches", "Not reached, lines"), reach, empty="No sources."))
    lines.append(f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped")
    return lines
