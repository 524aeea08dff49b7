"""Signatures of attesters on the command line: ``azora mint attest`` and ``azora mint signatures``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.mint import mint
from app.cli.support import CHECK_FAILED, carry_out, leave, report, run, say, show, table
from app.core.errors import Invalid

if TYPE_CHECKING:
    from app.console import Console
    from app.mining import ProofRow
    from app.operations import Plan

signatures = typer.Typer(help="Signatures of attesters over proofs: list, export, import.", no_args_is_help=True)
mint.add_typer(signatures, name="signatures")
PROOFS = typer.Argument(help="Proofs by number; default: all that are ready")


@mint.command("attest")
def attest(
    account: Annotated[str, typer.Option(help="Account that signs")],
    proofs: Annotated[list[str] | None, PROOFS] = None,
    file: Annotated[Path | None, typer.Option(help="Sign the proofs of this file of another console instead")] = None,
    out: Annotated[Path | None, typer.Option(help="Write what was signed to this file, to be brought back")] = None,
) -> None:
    """Sign proofs as an attester; nothing goes on chain. Every field is shown and each digest is computed again."""
    if file is not None and proofs:
        raise Invalid("Proofs and a file were given. Nothing was signed.", "Give one of them.", field="file")

    async def work(console: Console) -> tuple[Plan, bytes]:
        signer = (await console.wallets.get(account)).address
        if file is not None:
            plan = await console.mining.attesting.plan_file(_read(file), signer)
        else:
            network = network_of(console)
            chosen = await _chosen(console, network.id, proofs)
            plan = await console.mining.plan_attest(network.id, [row.id for row in chosen], signer)
        plan = await carry_out(console, plan)
        return plan, console.mining.attesting.signed_file(plan) if plan.state == "done" else b""

    plan, signed = run(work)
    if out is not None and signed:
        _write(out, signed)
    report(plan)


@signatures.command("list")
def list_signatures(proofs: Annotated[list[str] | None, PROOFS] = None) -> None:
    """Who has signed, and how many attesters each reward needs."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        network = network_of(console)
        rows = await _chosen(console, network.id, proofs)
        needed = await console.mining.signatures_needed(network.id, [row.reward for row in rows])
        return rows, needed, await console.mining.signatures([row.id for row in rows])

    rows, needed, held = run(work)
    told = [
        {"proof": row.number, "digest": row.digest, "needed": count, "signatures": held.get(row.id, [])}
        for row, count in zip(rows, needed, strict=True)
    ]
    lines = [
        (row.number, f"{len(held.get(row.id, []))} of {count}", ", ".join(one.attester for one in held.get(row.id, [])) or "–")
        for row, count in zip(rows, needed, strict=True)
    ]
    show(told, people=lambda: table(("Proof", "Signatures", "Attesters"), lines, empty="No proof is ready."))


@signatures.command("export")
def export(out: Annotated[Path, typer.Option(help="File to write")], proofs: Annotated[list[str] | None, PROOFS] = None) -> None:
    """Write proofs, with the signatures that they have, to a file for attesters on other machines."""

    async def work(console: Console) -> tuple[bytes, int]:
        network = network_of(console)
        rows = await _chosen(console, network.id, proofs)
        return await console.mining.export_attestations(network.id, [row.id for row in rows]), len(rows)

    data, count = run(work)
    _write(out, data)
    show({"file": out, "proofs": count}, people=f"{count} proofs written to {out}. Sign them with: azora mint attest --file {out}")


@signatures.command("import")
def import_(file: Annotated[Path, typer.Argument(help="File that an attester brought back")]) -> None:
    """Take the signatures of a file that count. Exit code 9 when one was refused."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.mining.take_attestations(network_of(console).id, _read(file), file.name)

    taken = run(work)
    for each in taken.refused:
        say(f"Refused: {each.attester} over {each.digest}. {each.why}")
    show(taken, people=f"{taken.added} new, {taken.known} known already, {len(taken.refused)} refused")
    leave(CHECK_FAILED if taken.refused else 0)


async def _chosen(console: Console, network_id: str, proofs: Sequence[str] | None) -> list[ProofRow]:
    if proofs:
        return [await console.mining.get(proof) for proof in proofs]
    return await console.mining.ready(network_id)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read ({error.strerror}). Nothing was done.", "Name a readable file.") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Invalid(f"{path} cannot be written ({error.strerror}).", "Name a place that can be written.") from error
