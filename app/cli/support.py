"""What every command shares: opening the console, asking, printing for people or as JSON, and exit codes.

Exit codes: 0 done; 1 bug; 2 bad input or usage; 3 not found; 4 conflict; 5 denied; 6 locked; 7 unavailable; 8 cancelled; 9 a check
failed; 10 the plan waits; 11 the plan failed or stopped.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from app.core.clock import iso
from app.core.errors import Cancelled, ConsoleError, Invalid
from app.core.secret import Secret

if TYPE_CHECKING:
    from app.console import Console
    from app.operations import Plan
    from app.operations.plans import Call, Effect

T = TypeVar("T")

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="Rows of one page, newest first")]

CHECK_FAILED = 9
PLAN_WAITS = 10
PLAN_FAILED = 11


@dataclass
class Options:
    """What the options before the command said. One per process."""

    home: Path | None = None
    json: bool = False
    yes: bool = False
    passphrase_file: str = ""
    network: str = ""
    statement: str = ""
    verbose: bool = False


options = Options()


def plain(value: object) -> object:
    """Any value of ours as JSON-able data: integers above 2⁵³ as strings, bytes as ``0x…``, secrets never."""
    if isinstance(value, Secret):
        raise TypeError("a secret is never printed")
    if isinstance(value, bool) or value is None or isinstance(value, str | float):
        return value
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(item) for item in value]
    return str(value)


def say(text: str = "") -> None:
    """One line for people; silent with ``--json``."""
    if not options.json:
        print(text)


def progress(text: str) -> None:
    """One line about work under way, on standard error, so that standard output stays clean."""
    if not options.json:
        print(f"  {text}", file=sys.stderr, flush=True)


def show(value: object, *, people: Callable[[], str] | str | None = None) -> None:
    """Print ``value`` as JSON with ``--json``, else what ``people`` says (default: indented JSON)."""
    if options.json:
        print(json.dumps(plain(value), indent=2, ensure_ascii=False))
    elif callable(people):
        print(people())
    elif people is not None:
        print(people)
    else:
        print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> str:
    """Columns aligned with spaces; numbers to the right."""
    if not rows:
        return empty
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(heading), *(len(row[i]) for row in texts)) for i, heading in enumerate(headings)]
    right = [all(isinstance(row[i], int) for row in rows) for i in range(len(headings))]

    def line(cells: Sequence[str]) -> str:
        padded = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True))
        return "  ".join(padded).rstrip()

    return "\n".join([line(list(headings)), *(line(row) for row in texts)])


def page_of(rows: Sequence[T], limit: int) -> tuple[list[T], bool]:
    """The rows of one page, and whether more follow, out of a reading that asked for one row more than the page has."""
    return list(rows[:limit]), len(rows) > limit


def tell_rest(shown: int, total: int, further: str) -> None:
    """Say how much of a list was shown, and how to see what follows: below the list, or on standard error with ``--json``.

    Args:
        total: how many rows the list has in all, those of other pages too.
        further: the option that shows the next page; empty where this is the last one.
    """
    if further or shown < total:
        text = f"{shown:,} of {total:,}" + (f"; more: {further}" if further else "")
        print(text, file=sys.stderr if options.json else sys.stdout)


def moment(milliseconds: int) -> str:
    """A UTC time for a table, or a dash when there is none."""
    return iso(milliseconds)[:19].replace("T", " ") if milliseconds else "–"


def passphrase() -> Secret | None:
    """The console passphrase: from ``--passphrase-file`` (``-`` is standard input), or asked on a terminal by who needs it."""
    if not options.passphrase_file:
        return None
    if options.passphrase_file == "-":
        return Secret(sys.stdin.readline().rstrip("\n"))
    try:
        return Secret(Path(options.passphrase_file).read_text(encoding="utf-8").rstrip("\n"))
    except OSError as error:
        raise Invalid(
            f"The passphrase file cannot be read ({error.strerror}). Nothing was done.",
            "Name a readable file, or - for standard input.",
        ) from error


def read_secret(path: str, what: str, *, strip: bool = True) -> Secret:
    """A secret from a file or standard input (``-``); never from an argument, which every process can see.

    Args:
        strip: take off blanks around it; a passphrase keeps its own, and loses only the line break at its end.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"The file with the {what} cannot be read ({error.strerror}). Nothing was done.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"The file with the {what} is not text (UTF-8). Nothing was done.") from error
    return Secret(text.strip() if strip else text.removesuffix("\n").removesuffix("\r"))


def run(work: Callable[[Console], Awaitable[T]]) -> T:
    """Open the console of ``--home``, do ``work`` on its loop, close it, and end the process with the right code on an error."""

    async def main() -> T:
        from app.console import Console

        console = await Console.open(options.home)
        try:
            if console.access.locked and options.passphrase_file:
                secret = passphrase()
                if secret is not None:
                    await console.access.unlock(secret)
            return await work(console)
        finally:
            await console.close()

    try:
        return asyncio.run(main())
    except ConsoleError as error:
        fail(error)
    except KeyboardInterrupt:
        fail(Cancelled("Interrupted. A plan that was running goes on at the next start.", "azora plan list shows it."))


def fail(error: ConsoleError) -> NoReturn:
    """Tell the error and leave with its code."""
    if options.json:
        said = {
            "error": type(error).__name__,
            "message": error.message,
            "remedy": error.remedy,
            "retryable": error.retryable,
            "field": error.field,
        }
        print(json.dumps({**said, "details": plain(error.details)}, ensure_ascii=False))
    else:
        print(f"{error.message}\n{error.remedy}".strip(), file=sys.stderr)
    sys.exit(error.exit_code)


def leave(code: int) -> NoReturn:
    """End with a code that scripts can trust."""
    sys.exit(code)


async def carry_out(console: Console, plan: Plan) -> Plan:
    """Show a previewed plan, ask unless ``--yes``, run it to its end, and report it.

    With ``--json`` and without ``--yes`` the plan stays previewed: nobody was there to answer.
    """
    from app.core.events import PlanChanged
    from app.operations.plans import StepState
    from app.operations.policy import typed_check

    statement, asked = options.statement, typed_check(plan)
    if plan.preview is not None and not options.json:
        say(describe(plan))
    if plan.preview is not None and plan.preview.blocked:
        return plan
    if not options.yes:
        if options.json or not sys.stdin.isatty():
            say(
                f"{plan.name} is previewed and was not run: nobody was there to confirm it. Use --yes, or run: azora plan run "
                f"{plan.name}"
            )
            return plan
        answer = await asyncio.to_thread(input, f"Type {asked or plan.name} to carry it out: ")
        if asked:
            statement = answer
        elif answer.strip().upper() != plan.name:
            say(f"Not carried out. {plan.name} stays previewed.")
            return plan

    seen = 0

    def follow(event: PlanChanged) -> None:
        nonlocal seen
        if event.plan_id == plan.id:
            lines = console.operations.log(plan.id)
            for _, text in lines[seen:]:
                progress(text)
            seen = len(lines)

    end = console.bus.subscribe(PlanChanged, follow)
    try:
        return await console.operations.execute(plan.id, passphrase=passphrase(), statement=statement)
    except asyncio.CancelledError:
        # Ctrl-C in the seconds in which it can be called back calls it back; it would be sent at the next start otherwise.
        now = await console.operations.get(plan.id)
        if any(step.spec.kind == "cluster.grace" and step.state is not StepState.DONE for step in now.steps):
            await console.operations.stop(plan.id)
            raise Cancelled(f"{plan.name} was called back. Nothing was sent.") from None
        raise
    finally:
        end()


# Whether an account can sign, as people say it.
KEYS = {
    "inKeyring": "in the keyring",
    "watchOnly": "watched, no key",
    "external": "at an external signer",
    "missing": "key missing",
    "unknown": "keyring locked",
    "none": "not here",
}
MOST_CALLS = 5  # decoded calls of a preview that are printed


def _side(effect: Effect, text: str) -> str:
    """One side of an effect in whole units; an allowance without an end says so."""
    from app.core.money import exact_units, unlimited

    if effect.kind == "key":
        return KEYS.get(text, text)
    if not effect.unit:
        return text
    if not text.lstrip("-").isdigit():
        return text
    if effect.kind == "allowance" and unlimited(int(text)):
        return "unlimited"
    return exact_units(int(text), effect.decimals) if effect.decimals else text


def describe(plan: Plan) -> str:
    """The preview of a plan as lines: calls, effects, checks, fee."""
    from app.core.money import exact_units

    lines = [f"{plan.name}  {plan.title}  on {plan.target.name} [{plan.target.environment.upper()}]"]
    preview = plan.preview
    if preview is None:
        return lines[0]
    if preview.block:  # of what is only signed, the fields are shown by the command itself
        lines += _calls(preview.calls)
    for effect in preview.effects:
        before, after = (_side(effect, text) for text in (effect.before, effect.after))
        who = effect.subject if effect.label == effect.subject else f"{effect.label} {effect.subject}".strip()
        lines.append(f"  {effect.kind}: {who}: {before or 'nothing'} → {after or 'nothing'} {effect.unit}".rstrip())
    for verdict in preview.verdicts:
        lines.append(f"  {verdict.level.value}: {verdict.text}")
    if preview.fee is not None and preview.fee.gas:  # 0: nobody could tell
        lines.append(f"  fee: about {exact_units(preview.fee.estimate, 18)} {preview.fee.unit}, {preview.fee.gas:,} gas")
    if preview.error and not any(preview.error in verdict.text for verdict in preview.verdicts):
        lines.append(f"  would fail: {preview.error}")
    if preview.cause:
        lines.append(f"  as raised: {preview.cause}")
    return "\n".join(lines)


def _calls(calls: Sequence[Call]) -> list[str]:
    lines = []
    for call in calls[:MOST_CALLS]:
        arguments = ", ".join(f"{name}: {value}" for name, value in call.arguments)
        of = f"{call.contract}." if call.contract else ""
        lines.append(f"  call: {of}{call.function}({arguments})")
    return lines + ([f"  and {len(calls) - MOST_CALLS:,} more calls"] if len(calls) > MOST_CALLS else [])


def report(plan: Plan) -> NoReturn:
    """Print how a plan ended and leave with 0 (done, or previewed as asked), 10 (waits) or 11 (failed, stopped, blocked)."""
    from app.operations import PlanState

    data: dict[str, Any] = {
        "plan": plan.name,
        "id": plan.id,
        "state": plan.state,
        "reason": plan.reason,
        "steps": [
            {"title": s.spec.title, "state": s.state, "result": s.result, "error": s.error, "evidence": s.evidence}
            for s in plan.steps
        ],
        "plan_hash": plan.plan_hash,
        "preview": plan.preview,
        "receipt": plan.receipt,
    }
    show(data, people=lambda: "\n".join(_ended(plan)))
    blocked = plan.state is PlanState.PREVIEWED and plan.preview is not None and plan.preview.blocked
    if plan.state is PlanState.WAITING:
        leave(PLAN_WAITS)
    leave(PLAN_FAILED if blocked or (plan.state.ended and plan.state is not PlanState.DONE) else 0)


def _ended(plan: Plan) -> list[str]:
    lines = [f"{plan.name} {plan.state.value}. {plan.reason}".strip()]
    for step in plan.steps:
        reference = str(step.result.get("hash", "") or step.result.get("contract", ""))
        lines.append(f"  {step.state.value:9} {step.spec.title} {reference} {step.error}".rstrip())
    if plan.receipt is not None:
        agreed = "as predicted" if plan.receipt.matches else "DIFFERENT from the prediction"
        lines.append(f"  effects {agreed}; journal {plan.receipt.journal_before} → {plan.receipt.journal_after}")
    return lines
