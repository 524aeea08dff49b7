"""``azora contract inspect``: one transaction, its calls as a tree, its logs, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.contracts import contracts
from app.cli.support import CHECK_FAILED, leave, moment, run, show
from app.core.money import exact_units

if TYPE_CHECKING:
    from app.console import Console
    from app.contracts.inspector import CallNode, Inspection, Log, SourceStep


@contracts.command("inspect")
def inspect(
    tx: Annotated[str, typer.Argument(metavar="TX", help="Hash of the transaction")],
    steps: Annotated[bool, typer.Option("--steps", help="Follow it by lines of source; the node runs it again")] = False,
) -> None:
    """Look into a transaction: decoded calls, logs, storage by the names of variables. Exit code 9 when it failed."""

    async def work(console: Console) -> tuple[Inspection, tuple[SourceStep, ...]]:
        network = network_of(console).id
        found = await console.contracts.inspector.inspect(network, tx)
        return found, await console.contracts.inspector.steps(network, found) if steps else ()

    found, lines = run(work)
    show(
        {"transaction": found, "steps": lines} if steps else found,
        people=lambda: "\n".join((*_lines(found), *_steps(found, lines))),
    )
    leave(0 if found.ok or found.pending else CHECK_FAILED)


def _lines(found: Inspection) -> Iterator[str]:
    if found.pending:
        yield f"Waits in the pool: nonce {found.nonce} of {found.sender}"
    else:
        state = "Done" if found.ok else f"Failed: {found.reason}"
        yield f"{state}. Block {found.block:,} at {moment(found.time * 1000)} UTC, fee {exact_units(found.fee, 18)}"
        yield f"From {found.sender} nonce {found.nonce}, gas {found.gas_used:,} of {found.gas_limit:,}"
    if found.call is not None:
        yield "\nCalls"
        yield from _calls(found.call, 1)
    if found.logs:
        yield "\nLogs"
        yield from (f"  {_log(log)}" for log in found.logs)
    if found.storage:
        yield "\nStorage"
        for change in found.storage:
            owner = change.contract or change.address
            yield f"  {owner}.{change.variable or change.slot}: {change.before} → {change.after}"
    if found.balances:
        yield "\nNative coin"
        for balance in found.balances:
            yield f"  {balance.address}: {exact_units(balance.before, 18)} → {exact_units(balance.after, 18)}"
    yield from (f"\n{sentence}" for sentence in found.missing)


def _steps(found: Inspection, lines: Sequence[SourceStep]) -> Iterator[str]:
    from app.contracts.inspector import failure

    if lines:
        yield "\nSteps"
    for step in lines:
        if step.file:
            yield f"{'  ' * (step.depth + 1)}{step.contract} {step.file}:{step.line}  {step.text}  {step.gas:,} gas"
    at = failure(found.call, lines) if found.call is not None else None
    if at is not None and at.file:
        yield f"\nFailed at {at.file}:{at.line}: {at.text}"


def _calls(call: CallNode, depth: int) -> Iterator[str]:
    arguments = ", ".join(f"{name}: {text}" for name, text in call.arguments)
    name = call.function.partition("(")[0] if "(" in call.function else call.function
    answer = " → " + ", ".join(text for _, text in call.outputs) if call.outputs else ""
    value = f" with {exact_units(call.value, 18)}" if call.value else ""
    failed = f"  failed: {call.reason}" if call.error else ""
    yield f"{'  ' * depth}{call.kind} {call.contract or call.to}.{name}({arguments}){value}{answer}  {call.gas_used:,} gas{failed}"
    for below in call.calls:
        yield from _calls(below, depth + 1)


def _log(log: Log) -> str:
    if not log.event:
        return f"{log.contract or log.address}: {' '.join(log.topics)} {log.data}"
    return f"{log.contract}.{log.event}({', '.join(f'{name}: {text}' for name, text in log.arguments)})"
