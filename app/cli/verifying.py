"""Verifying what is deployed on the command line: ``azora contract verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.support import CHECK_FAILED, leave, run, show
from app.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from app.console import Console
    from app.contracts import Artifact
    from app.contracts.verification import Verified


def verify(
    what: Annotated[str, typer.Argument(help="Address, or a name of the address book; with --bundle it may be left out")] = "",
    project: Annotated[Path | None, typer.Option(help="Folder or project with the source; default: what the book knows")] = None,
    contract: Annotated[str, typer.Option(help="Name of the contract in the project")] = "",
    args: Annotated[str, typer.Option(help="What the constructor should have been given, as a JSON list")] = "",
    library: Annotated[list[str] | None, typer.Option(help="Name=0x… that should be linked, as often as needed")] = None,
    tx: Annotated[str, typer.Option(help="The creating transaction; default: it is searched")] = "",
    bundle: Annotated[Path | None, typer.Option(help="Folder of a bundle (Sourcify's or ours) to compile from")] = None,
    export: Annotated[Path | None, typer.Option(help="Folder below which the bundle of what was verified is written")] = None,
) -> None:
    """Compile again, compare with the chain, run the constructor again. Exit code 9 when the code is another."""

    async def work(console: Console) -> tuple[Verified, str]:
        found, artifact = await _verified(console, what, project, contract, args, library or [], tx, bundle)
        place = ""
        if export is not None:
            from app.contracts.verification import write_bundle

            chain_id = network_of(console).chain_id
            place = str(await write_bundle(found, artifact, console.contracts.compiler, chain_id, export))
        return found, place

    found, place = run(work)
    show({"verified": found, "bundle": place}, people=lambda: "\n".join(_lines(found, place)))
    leave(CHECK_FAILED if found.verdict == "differs" else 0)


async def _verified(
    console: Console,
    what: str,
    project: Path | None,
    name: str,
    args: str,
    libraries: list[str],
    tx: str,
    bundle: Path | None,
) -> tuple[Verified, Artifact]:
    from app.contracts.systems import account

    contracts, network = console.contracts, network_of(console)
    if bundle is not None:
        from app.contracts.verification import read_bundle

        read = read_bundle(bundle)
        if read.chain_id not in (0, network.chain_id):
            raise Invalid(
                f"The bundle is of chain {read.chain_id}, {network.name} is chain {network.chain_id}. Nothing was compared.",
                "Name the network: azora --network NAME contract verify …",
            )
        artifact, what, tx = await read.compile(contracts.compiler), what or read.address, tx or read.tx
    elif project is None and not name:
        if args or libraries or tx:
            raise Invalid("--args, --library and --tx need --project and --contract. Nothing was compared.")
        return await contracts.verify(network.key.text, what)
    else:
        built = await contracts.projects.compile(project)
        try:
            artifact = built.get(name)
        except KeyError:
            known = ", ".join(each.name for each in built.contracts) or "none: it does not compile"
            raise NotFound(f"The project has no contract “{name}”. Nothing was compared.", f"It has {known}.") from None
    linked = dict(_pair(text) for text in libraries)
    found = await contracts.verification.verify(
        network.key.text, account(what, "what"), artifact, arguments=_arguments(artifact, args), libraries=linked, tx=tx
    )
    return found, artifact


def _arguments(artifact: Artifact, text: str) -> list[object] | None:
    """Whole numbers may be written as text; bytes are ``0x…``."""
    from app.chain.abi import types_of
    from app.contracts.systems import fitted

    if not text:
        return None
    try:
        given = json.loads(text)
    except ValueError as error:
        raise Invalid(f"--args is no JSON ({error}). Nothing was compared.", """Write --args '["0x…", 5]'.""") from error
    if not isinstance(given, list):
        raise Invalid("--args is no JSON list. Nothing was compared.", """Write --args '["0x…", 5]'.""")
    types = types_of(artifact.parameters)
    try:
        return [fitted(kind, _tuples(value)) for kind, value in zip(types, given, strict=True)]
    except ValueError as error:
        raise Invalid(f"The constructor of {artifact.name} takes ({', '.join(types)}). Nothing was compared. {error}") from error


def _tuples(value: object) -> object:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


def _pair(text: str) -> tuple[str, str]:
    from app.contracts.systems import account

    name, sign, address = text.partition("=")
    if not sign:
        raise Invalid(f"“{text}” is not written as Name=0x…. Nothing was compared.")
    return name, account(address, "library")


def _lines(found: Verified, place: str) -> list[str]:
    lines = [f"{found.verdict.value.upper()}  {found.name} ({found.source}) at {found.address}", f"  {found.statement}"]
    for title, check in (("creation code", found.creation), ("runtime code", found.runtime), ("run again", found.replay)):
        lines.append(f"  {title}: {check.answer.value}. {check.text}")
    lines += [f"  argument {name} ({kind}) = {value}" for name, kind, value in found.arguments]
    lines += [f"  immutable {name} = {value}" for name, value in found.immutables]
    lines += [f"  library {name} at {address}" for name, address in found.libraries.items()]
    lines += [f"  DIFFERENT {each}" for each in found.differences]
    return [*lines, f"  bundle: {place}"] if place else lines
