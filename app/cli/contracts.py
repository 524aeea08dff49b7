"""Compiling, testing and deploying on the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import CHECK_FAILED, carry_out, leave, progress, report, run, say, show, table
from app.cli.verifying import verify
from app.core.errors import Conflict, ConsoleError, Invalid
from app.core.money import parse_units

if TYPE_CHECKING:
    from app.console import Console
    from app.contracts import Compilation
    from app.operations import Plan

contracts = typer.Typer(help="Solidity: compile, test, deploy, verify, list.", no_args_is_help=True)
contracts.command("verify")(verify)


Solc = Annotated[str, typer.Option("--solc", help="Version of the compiler, such as 0.8.26")]
Runs = Annotated[int, typer.Option(help="How often the optimizer expects code to run; 0 turns it off")]
ViaIr = Annotated[bool | None, typer.Option("--via-ir/--no-via-ir", help="Compile through the intermediate language")]
Evm = Annotated[str, typer.Option("--evm-version", help="Such as paris or shanghai")]
Remap = Annotated[list[str] | None, typer.Option("--remap", help="prefix=target, as often as needed")]


def _changes(solc: str, runs: int, via_ir: bool | None, evm: str, remap: list[str] | None) -> dict[str, object]:
    """What the options say of the compiler; what they do not name stays as the project has it."""
    said: dict[str, object] = {"version": solc, "evm_version": evm}
    if runs >= 0:
        said |= {"optimizer": runs > 0, "runs": runs or 200}
    said |= {"via_ir": via_ir} if via_ir is not None else {}
    said |= {"remappings": tuple(remap)} if remap else {}
    return {name: value for name, value in said.items() if value != ""}


@contracts.command("compile")
def compile_sources(
    folder: Annotated[Path | None, typer.Argument(help="Folder of sources or project; default: our contracts")] = None,
    solc: Solc = "",
    runs: Runs = -1,
    via_ir: ViaIr = None,
    evm: Evm = "",
    remap: Remap = None,
    watch: Annotated[bool, typer.Option("--watch", help="Compile again whenever something changes, until Ctrl+C")] = False,
) -> None:
    """Compile in process and offline, as foundry.toml or hardhat.config ask. Exit code 9 when there are errors."""
    changes = _changes(solc, runs, via_ir, evm, remap)
    if watch:
        run(lambda console: _watch(console, folder, changes))
        return

    async def work(console: Console) -> Compilation:
        if changes and folder is None:
            raise Invalid("Our contracts are compiled as they are deployed. Nothing was compiled.", "Name a folder.")
        return await console.contracts.projects.compile(folder, changes)

    result = run(work)
    _show_compiled(result)
    leave(CHECK_FAILED if result.errors else 0)


async def _watch(console: Console, folder: Path | None, changes: dict[str, object]) -> None:
    projects = console.contracts.projects

    def compiled(result: Compilation | ConsoleError) -> None:
        if isinstance(result, ConsoleError):
            progress(str(result))
        else:
            _show_compiled(result)

    await projects.watch(folder, compiled, changes).wait()


def _show_compiled(result: Compilation) -> None:
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
            + "".join(f"\n{message.said or message}" for message in (*result.warnings, *result.errors))
        ),
    )


@contracts.command("project")
def project(
    folder: Annotated[Path, typer.Argument(help="Folder of sources or project")],
    solc: Solc = "",
    runs: Runs = -1,
    via_ir: ViaIr = None,
    evm: Evm = "",
    remap: Remap = None,
    remember: Annotated[bool, typer.Option("--remember", help="Keep it in the list of projects, with these settings")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Take it out of the list; the folder stays")] = False,
) -> None:
    """What a folder is as a project: layout, compiler, remappings, networks and builds. Nothing of it is run."""

    async def work(console: Console) -> dict[str, object]:
        projects, changes = console.contracts.projects, _changes(solc, runs, via_ir, evm, remap)
        if forget:
            projects.forget(folder)
        found = projects.remember(folder, changes) if remember else projects.open(folder, changes)
        built = await asyncio.to_thread(projects.built, found)
        return {
            "root": found.root,
            "kind": found.kind,
            "sources": found.sources,
            "config": found.config,
            "settings": found.settings,
            "networks": found.networks,
            "built": [{"name": artifact.name, "source": artifact.source} for artifact in built],
            "notes": found.notes,
        }

    show(run(work))


@contracts.command("deploy")
def deploy(
    name: Annotated[str, typer.Argument(help="One contract, as Name or file:Name; without it a declared system")] = "",
    deployer: Annotated[str, typer.Option("--from", help="Account that deploys and administers")] = "",
    attester: Annotated[str, typer.Option(help="Account whose signature makes a proof valid; default: the deployer")] = "",
    officer: Annotated[str, typer.Option(help="Account that completes redemptions; default: the deployer")] = "",
    epoch_length: Annotated[int, typer.Option(help="Seconds per epoch")] = 3600,
    epoch_budget: Annotated[str, typer.Option(help="AZR that may be minted per epoch")] = "36000",
    system: Annotated[
        str, typer.Option(help="A declared system: azr, work, or a TOML file, made of the contracts of its project")
    ] = "azr",
    values: Annotated[
        list[str] | None, typer.Option("--set", help="Of another system: parameter=value, as often as needed")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--args", help="Of one contract: its constructor's arguments, one each time; structs as JSON"),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(help="Folder of the contracts; default: ours, or the Foundry or Hardhat project that a system's file lies in"),
    ] = None,
    links: Annotated[list[str] | None, typer.Option("--link", help="Of one contract: Library=0x…")] = None,
    value: Annotated[str, typer.Option(help="Of one contract: coins that its constructor receives")] = "0",
    salt: Annotated[str, typer.Option(help="Of one contract: make it by CREATE2, at an address that no nonce changes")] = "",
    rest_of: Annotated[str, typer.Option("--continue", help="A deployment that ended early: do the rest of it")] = "",
    anew: Annotated[bool, typer.Option("--anew", help="Make all of a system once more, beside what is there already")] = False,
) -> None:
    """Deploy one contract, or a declared system as one resumable plan; by default the AZR economy with its roles."""

    async def planned(console: Console) -> Plan:
        if rest_of:
            return await console.contracts.plan_rest(rest_of)
        if not deployer:
            raise Invalid("Who deploys is missing. Nothing was planned.", "Say --from ACCOUNT.", field="from")
        who = (await console.wallets.get(deployer)).address
        if name:
            linked = dict(_pair(text, "Library=0x…") for text in links or [])
            wei = parse_units(value, 18, unit="coins", field="value")
            return await _plan_one(console, name, project, who, given or [], linked, wei, salt)
        if project is not None and not system.endswith(".toml"):
            raise Invalid(
                f"The system “{system}” is made of our own contracts, not of those in {project}. Nothing was planned.",
                "Name one contract, or the file of a system: --system FILE.toml",
                field="project",
            )
        if system != "azr":
            return await _plan_of(console, system, project, who, values or [], anew=anew)
        return await console.contracts.plan_deploy_economy(
            network_of(console).id,
            who,
            attester=await console.wallets.resolve(attester) if attester else who,
            redemption_officer=await console.wallets.resolve(officer) if officer else who,
            epoch_length=epoch_length,
            epoch_budget=parse_units(epoch_budget, 18, unit="AZR"),
            anew=anew,
        )

    async def work(console: Console) -> tuple[Plan, bool]:
        plan = await carry_out(console, await planned(console))
        return plan, console.operations.kind_of(plan).has_rest(plan)

    plan, has_rest = run(work)
    if has_rest:
        say(f"What it made stays. To see the rest with its addresses and go on: azora contract deploy --continue {plan.name}")
    report(plan)


async def _plan_one(
    console: Console,
    name: str,
    project: Path | None,
    who: str,
    given: list[str],
    links: dict[str, str],
    value: int,
    salt: str,
) -> Plan:
    """The plan of one contract; arguments of the type address may be labels of accounts."""
    from app.contracts.singles import named

    built = await console.contracts.compile(project)
    if built.errors:
        raise Conflict(f"The sources do not compile: {built.errors[0]}. Nothing was planned.", "Correct them.")
    artifact = named(built.contracts, name)
    for at, parameter in enumerate(artifact.parameters[: len(given)]):
        if parameter["type"] == "address" and not given[at].startswith("0x"):
            given[at] = await console.wallets.resolve(given[at])
    network = network_of(console).id
    return await console.contracts.singles.plan(network, who, artifact, given, libraries=links, value=value, salt=salt)


def _pair(text: str, such: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise Invalid(f"“{text}” is not written as {such}. Nothing was planned.", f"Write {such}.")
    return key, value


async def _plan_of(console: Console, system: str, project: Path | None, deployer: str, written: list[str], *, anew: bool) -> Plan:
    """The plan of any declared system; parameters of the kind address may be labels of accounts."""
    from app.contracts.projects import project_around
    from app.contracts.systems import System, definition_of, read_definition

    if system.endswith(".toml"):
        definition, folder = read_definition(Path(system)), project or project_around(Path(system))
    else:
        definition, folder = definition_of(system), None
    name = Path(system).stem
    declared = System.parse(name, definition)
    kinds = {parameter.name: parameter.kind for parameter in declared.parameters}
    values: dict[str, object] = {declared.sender: deployer}
    for text in written:
        key, value = _pair(text, "parameter=value")
        values[key] = await console.wallets.resolve(value) if kinds.get(key) == "address" else value
    network = network_of(console).id
    return await console.contracts.plan_deploy(network, name, values, definition, project=folder, anew=anew)


@contracts.command("list")
def list_deployments() -> None:
    """What is deployed on the network, and whether its code is ours."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.contracts.deployments(network_of(console).key.text)

    found = run(work)
    rows = [
        (d.name, d.address, d.block, "matches our build" if d.runtime_matches else "DIFFERENT code", d.verdict or "–", d.tx_hash)
        for d in found
    ]
    show(
        found,
        people=lambda: table(
            ("Contract", "Address", "Block", "Code", "Verified", "Transaction"), rows, empty="Nothing is deployed here yet."
        ),
    )
