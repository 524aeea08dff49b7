"""The reward policy on the command line: ``azora mint policy``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.chains import network_of
from app.cli.mint import mint
from app.cli.support import CHECK_FAILED, carry_out, leave, moment, report, run, show, table
from app.core.errors import Invalid
from app.core.money import exact_units, short_units

if TYPE_CHECKING:
    from app.console import Console
    from app.mining import DryRun
    from app.operations import Plan

policy = typer.Typer(help="Reward policy: versions, dry run against history, a new version.", no_args_is_help=True)
mint.add_typer(policy, name="policy")
BODY = typer.Argument(help="JSON of the policy, as 'azora mint policy show --json' gives it under body")
MOST = 2**20


@policy.command("show")
def show_policy(version: Annotated[int, typer.Argument(help="0: the one that counts now")] = 0) -> None:
    """One version, with its whole text and its digest."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        found = await console.mining.policies.versions()
        return await console.mining.policies.get(version) if version else next(each for each in found if each.current)

    found = run(work)
    rules = found.policy
    rates = [(activity.id, activity.name, short_units(activity.rate, 18)) for activity in rules.activities.values()]
    show(
        found,
        people=lambda: "\n".join(
            (
                f"{rules.name}, SHA-256 {rules.digest}",
                f"Set by {found.author or 'this release'}, from {moment(found.valid_from)}. {found.note}".rstrip(),
                f"Caps: proof {_cap(rules.proof_cap)}, contributor and day {_cap(rules.contributor_day_cap)}, "
                f"contributor and epoch {_cap(rules.contributor_epoch_cap)}, epoch {_cap(rules.epoch_cap)} AZR",
                f"Burned of each reward: {rules.burn_rate / 100:.2f} %",
                *(f"Multiplier {each.name}: × {each.factor / 10_000:.4f}" for each in rules.multipliers),
                *(f"Above {short_units(above, 18)} AZR: {count} attesters" for above, count in rules.attesters),
                table(("Activity", "Name", "AZR at full score"), rates, empty="No activity."),
            )
        ),
    )


@policy.command("versions")
def versions() -> None:
    """Every version: who set it, when, from when it counts."""
    found = run(lambda console: console.mining.policies.versions())
    rows = [
        (v.policy.name, "now" if v.current else "", moment(v.valid_from), v.author or "release", v.policy.digest[:16], v.note)
        for v in found
    ]
    show(found, people=lambda: table(("Version", "Counts", "From (UTC)", "By", "SHA-256", "Note"), rows, empty="None."))


@policy.command("dry-run")
def dry_run(file: Annotated[Path, BODY]) -> None:
    """What each proof so far would have got under another policy: totals, caps, and every difference. Changes nothing."""
    _tell(run(lambda console: console.mining.dry_run(network_of(console).id, _read(file))))


@policy.command("set")
def set_policy(
    file: Annotated[Path, BODY],
    start: Annotated[str, typer.Option("--from", help="UTC time from which it counts, ISO 8601; default: at once")] = "",
    note: Annotated[str, typer.Option(help="Why")] = "",
) -> None:
    """Set the next version, as a plan. Proofs that are queued keep their price."""
    body, since = _read(file), _time(start)

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await carry_out(console, await console.mining.policies.plan_set(body, since, note))

    report(run(work))


@policy.command("burn-rate")
def burn_rate(
    sender: Annotated[str, typer.Option("--from", help="Account that administers MintMine; default: whoever does")] = "",
    change: Annotated[bool, typer.Option("--set", help="Let the contract burn what the policy says, as a plan")] = False,
) -> None:
    """What the contract burns of each reward, and what the policy says. Exit code 9 when they differ and nothing is set."""

    async def plan(console: Console) -> Plan:
        who = (await console.wallets.get(sender)).address if sender else ""
        return await carry_out(console, await console.mining.burning.plan(network_of(console).id, who))

    if change:
        report(run(plan))
    found = run(lambda console: console.mining.burning.rates(network_of(console).id))
    show(found, people=lambda: found.text)
    leave(0 if found.agree else CHECK_FAILED)


def _tell(found: DryRun) -> None:
    def azr(amount: int) -> str:
        return exact_units(amount, 18)

    changed = [row for row in found.rows if row.got != row.would]
    rows = [(f"#{r.number}", r.activity, r.score, azr(r.got), azr(r.would), r.why or r.review) for r in changed]
    caps = ", ".join(f"{name} {count}" for name, count in sorted(found.caps.items())) or "none"
    show(
        found,
        people=lambda: "\n".join(
            (
                table(("Proof", "Activity", "Score", "Got", "Would get", "Why"), rows, empty="No proof would get anything else."),
                f"{len(found.rows)} proofs under {found.policy.name}: {azr(found.got)} AZR then, {azr(found.would)} AZR now, "
                f"{azr(found.burned)} of it burned",
                f"{found.refused} would earn nothing, {found.reviewed} would need a person; caps reached: {caps}",
                "A simulation over this queue; nothing was changed.",
            )
        ),
    )


def _cap(amount: int) -> str:
    return short_units(amount, 18) if amount else "none"


def _read(file: Path) -> dict[str, object]:
    from app.wallets import strict_json

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{file} cannot be read ({error.strerror}). Nothing was done.", "Name a readable file.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not text (UTF-8). Nothing was done.", "Choose another file.") from error
    found = strict_json.read(text, MOST, "Nothing was done.")
    if not isinstance(found, dict):
        raise Invalid("A policy is a JSON object. Nothing was done.", "Compare it with: azora mint policy show --json")
    body = found.get("body", found)
    return body if isinstance(body, dict) else found


def _time(text: str) -> int:
    """UTC milliseconds of an ISO 8601 time; 0 for none."""
    if not text:
        return 0
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"“{text}” is no time. Nothing was planned.", "Write it as 2026-12-31T00:00:00Z.", field="from") from error
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
