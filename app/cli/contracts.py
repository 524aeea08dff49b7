"""Compiling, testing and deploying on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import CHECK_FAILED, carry_out, leave, progress, report, run, show, table
from app.core.money import parse_units

if TYPE_CHECKING:
    from app.console import Console

contracts = typer.Typer(help="Solidity: compile, test, deploy, list.", no_args_is_help=True)


@contracts.command("compile")
def compile_sources(
    folder: Annotated[Path | None, typer.Argument(help="Folder of sources; default: our contracts")] = None,
) -> None:
    """Compile with solc 0.8.20, in process and offline. Exit code 9 when there are errors."""
    result = run(lambda console: console.contracts.compile(folder) if folder else console.contracts.compile())
    rows = [(a.name, a.source, (len(a.runtime) - 2) // 2) for a in result.contracts]
    show(
        {
            "contracts": [
                {"name": a.name, "source": a.source, "bytecode": a.bytecode, "warnings": a.warnings} for a in result.contracts
            ],
            "errors": result.errors,
            "warnings": result.warnings,
            "cached": result.cached,
            "seconds": result.seconds,
            "solc": result.solc,
        },
        people=lambda: (
            table(("Contract", "Source", "Runtime bytes"), rows, empty="No contracts.")
            + "".join(f"\n{message}" for message in (*result.warnings, *result.errors))
        ),
    )
    leave(CHECK_FAILED if result.errors else 0)


@contracts.command("test")
def test() -> None:
    """Run our Foundry tests through forge with the in-process compiler. Exit code 9 when one fails."""
    tested = run(lambda console: console.contracts.run_tests(report=progress))
    show(
        tested,
        people=lambda: (
            f"{tested.passed} passed, {tested.failed} failed" + "".join(f"\n  failed: {name}" for name in tested.failures)
        ),
    )
    leave(CHECK_FAILED if tested.failed or not tested.passed else 0)


@contracts.command("deploy")
def deploy(
    deployer: Annotated[str, typer.Option("--from", help="Account that deploys and administers")],
    attester: Annotated[str, typer.Option(help="Account whose signature makes a proof valid; default: the deployer")] = "",
    officer: Annotated[str, typer.Option(help="Account that completes redemptions; default: the deployer")] = "",
    epoch_length: Annotated[int, typer.Option(help="Seconds per epoch")] = 3600,
    epoch_budget: Annotated[str, typer.Option(help="AZR that may be minted per epoch")] = "36000",
) -> None:
    """Deploy the AZR economy: token, emission, mint mine, redemption and their roles, as one resumable plan."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        who = (await console.wallets.get(deployer)).address
        plan = await console.contracts.plan_deploy_economy(
            network_of(console).id,
            who,
            attester=await console.wallets.resolve(attester) if attester else who,
            redemption_officer=await console.wallets.resolve(officer) if officer else who,
            epoch_length=epoch_length,
            epoch_budget=parse_units(epoch_budget, 18, unit="AZR"),
        )
        return await carry_out(console, plan)

    report(run(work))


@contracts.command("list")
def list_deployments() -> None:
    """What is deployed on the network, and whether its code is ours."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.contracts.deployments(network_of(console).key.text)

    found = run(work)
    rows = [(d.name, d.address, d.block, "matches our build" if d.runtime_matches else "DIFFERENT code", d.tx_hash) for d in found]
    show(
        found,
        people=lambda: table(("Contract", "Address", "Block", "Code", "Transaction"), rows, empty="Nothing is deployed here yet."),
    )
