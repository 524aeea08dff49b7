"""Changing a cluster on the command line: ``azora cluster diff``, ``apply``, ``scale``, ``rollout``. Each is a plan."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.cluster import KINDS, ContextOption, cluster, ready
from app.cli.support import CHECK_FAILED, carry_out, leave, moment, report, run, show, table
from app.core.errors import Invalid

if TYPE_CHECKING:
    from app.cluster.rollouts import Progress, Revision, Strategy
    from app.console import Console
    from app.operations import Plan

rollout = typer.Typer(help="Rollouts: status, history, undo, pause, resume, restart, promote, abort, weight.", no_args_is_help=True)
cluster.add_typer(rollout, name="rollout")

What = Annotated[Path, typer.Argument(help="File with manifests, folder with a kustomization, or - for standard input.")]
Force = Annotated[bool, typer.Option("--force", help="Take over fields that other managers own.")]
Name = Annotated[
    str, typer.Argument(help="KIND/NAME, such as deployment/web or sts/db; the name alone where only one workload has it.")
]
Space = Annotated[str, typer.Option("--namespace", "-n", help="Namespace; default: the context's, else default.")]
Default = Annotated[
    str, typer.Option("--namespace", "-n", help="For objects that name none; default: the context's, else default.")
]


@cluster.command("diff")
def diff(what: What, context: ContextOption = "", namespace: Default = "", force: Force = False) -> None:
    """What applying would change, by the API server's own dry run. Exit code 9 when something differs. Changes nothing."""

    async def work(console: Console) -> Plan:
        plan = await _applied(console, context, what, namespace, force)
        return await console.operations.discard(plan.id)

    plan = run(work)
    preview = plan.preview
    assert preview is not None

    def people() -> str:
        lines = [f"{effect.subject}: {effect.before} → {effect.after}" for effect in preview.effects]
        lines += [f"{verdict.level.value}: {verdict.text}" for verdict in preview.verdicts if verdict.level.value != "pass"]
        return "\n".join([*lines, *preview.notes, *([f"would fail: {preview.error}"] if preview.error else [])])

    show({"effects": preview.effects, "verdicts": preview.verdicts, "notes": preview.notes, "error": preview.error}, people=people)
    leave(CHECK_FAILED if preview.effects or preview.blocked else 0)


@cluster.command("apply")
def apply(what: What, context: ContextOption = "", namespace: Default = "", force: Force = False) -> None:
    """Apply manifests or a kustomization by server-side apply."""

    async def work(console: Console) -> Plan:
        return await carry_out(console, await _applied(console, context, what, namespace, force))

    report(run(work))


@cluster.command("scale")
def scale(
    name: Name,
    replicas: Annotated[int, typer.Option("--replicas", help="Number of pods.")],
    context: ContextOption = "",
    namespace: Space = "",
) -> None:
    """Give a workload another number of pods."""
    _act(name, context, namespace, lambda actions, where, key: actions.plan_scale(where, *key, replicas))


@rollout.command("status")
def status(name: Name, context: ContextOption = "", namespace: Space = "") -> None:
    """How far a rollout is, and who shares the traffic. Exit code 9 when it is not complete."""

    async def work(console: Console) -> tuple[Progress, Strategy]:
        from app.cluster.rollouts import progress, strategy_of
        from app.cluster.workloads import View

        where, key = await place(console, name, context, namespace)
        view = View(console.clusters.snapshot(where))
        line = _line(view, key)
        return progress(line), strategy_of(view, line)

    found, strategy = run(work)

    def people() -> str:
        lines = [f"{found.state.value}, {found.share:.0%}. {found.text}".strip(), f"strategy: {strategy.kind.value}"]
        lines += [f"  {arm.role}: {arm.name} {arm.version}, {arm.ready} ready, {arm.weight:.0f} %" for arm in strategy.arms]
        return "\n".join(lines)

    show({"progress": found, "strategy": strategy}, people=people)
    leave(0 if found.state.value == "complete" else CHECK_FAILED)


@rollout.command("history")
def history(
    name: Name,
    revision: Annotated[int, typer.Option(help="Show how this revision differs from the present one.")] = 0,
    context: ContextOption = "",
    namespace: Space = "",
) -> None:
    """Revisions, newest first; with --revision what going back to it would change."""

    async def work(console: Console) -> tuple[Revision, ...]:
        from app.cluster.rollouts import revisions
        from app.cluster.workloads import View

        where, key = await place(console, name, context, namespace)
        view = View(console.clusters.snapshot(where))
        return revisions(view, _line(view, key))

    found = run(work)
    if revision:
        from app.cluster.rollouts import template_changes

        now = next((r for r in found if r.current), None)
        then = next((r for r in found if r.number == revision), None)
        changes = template_changes(now, then) if now is not None and then is not None else ()
        show(changes, people=lambda: "\n".join(f"{c.path}: {c.before} → {c.after}" for c in changes) or "Nothing differs.")
        return
    rows = [(r.number, "now" if r.current else "", r.pods, moment(r.created_at), ", ".join(r.images), r.cause) for r in found]
    plain = [{"number": r.number, "name": r.name, "images": r.images, "pods": r.pods, "current": r.current} for r in found]
    headings = ("Revision", "", "Pods", "Made (UTC)", "Images", "Why")
    show(plain, people=lambda: table(headings, rows, empty="There is no history."))


@rollout.command("undo")
def undo(
    name: Name,
    revision: Annotated[int, typer.Option("--to-revision", help="0: the one before.")] = 0,
    context: ContextOption = "",
    namespace: Space = "",
) -> None:
    """Go back to a revision."""
    _act(name, context, namespace, lambda actions, where, key: actions.plan_undo(where, *key, revision))


@rollout.command("restart")
def restart(name: Name, context: ContextOption = "", namespace: Space = "") -> None:
    """Start every pod anew, one after the other."""
    _act(name, context, namespace, lambda actions, where, key: actions.plan_restart(where, *key))


@rollout.command("pause")
def pause(name: Name, context: ContextOption = "", namespace: Space = "") -> None:
    """Hold a rollout where it is."""
    _act(name, context, namespace, lambda actions, where, key: actions.plan_pause(where, *key))


@rollout.command("resume")
def resume(name: Name, context: ContextOption = "", namespace: Space = "") -> None:
    """Let a paused rollout go on."""
    _act(name, context, namespace, lambda actions, where, key: actions.plan_pause(where, *key, resume=True))


@rollout.command("promote")
def promote(
    name: Name,
    full: Annotated[bool, typer.Option("--full", help="Argo Rollouts: all steps at once.")] = False,
    context: ContextOption = "",
    namespace: Space = "",
) -> None:
    """Let the new version take over: blue-green, canary or Argo Rollouts."""
    _act(name, context, namespace, lambda actions, where, key: actions.plan_promote(where, *key, full=full))


@rollout.command("abort")
def abort(name: Name, context: ContextOption = "", namespace: Space = "") -> None:
    """Send everything to the old version."""
    _act(name, context, namespace, lambda actions, where, key: actions.plan_abort(where, *key))


@rollout.command("weight")
def weight(
    name: Name,
    percent: Annotated[int, typer.Argument(help="Share of the canary, 0 to 100.")],
    context: ContextOption = "",
    namespace: Space = "",
) -> None:
    """Give the canary another share of the traffic: nginx Ingress, HTTPRoute, VirtualService or TraefikService."""
    _act(name, context, namespace, lambda actions, where, key: actions.plan_weight(where, *key, percent))


async def _applied(console: Console, context: str, what: Path, namespace: str, force: bool) -> Plan:
    objects = _objects(what)
    where = await ready(console, context)
    space = namespace or console.clusters.contexts().get(where).namespace
    return await console.clusters.actions.plan_apply(where, objects, namespace=space, force=force)


def _act(name: str, context: str, namespace: str, make: Any) -> None:
    async def work(console: Console) -> Plan:
        where, key = await place(console, name, context, namespace)
        return await carry_out(console, await make(console.clusters.actions, where, key))

    report(run(work))


async def place(console: Console, name: str, context: str, namespace: str) -> tuple[str, tuple[str, str, str]]:
    """The connected context, and kind, namespace and name of the workload that was named.

    Raises:
        Invalid: it does not name a workload, or more than one. Unavailable: the cluster does not answer.
    """
    kind, slash, rest = name.partition("/")
    if slash and (not rest or kind.lower() not in KINDS):
        raise Invalid(f"“{name}” does not name a workload. Nothing was done.", "Write KIND/NAME, such as deployment/web.")
    where = await ready(console, context)
    space = namespace or console.clusters.contexts().get(where).namespace or "default"
    if slash:
        return where, (KINDS[kind.lower()], space, rest)
    snapshot = console.clusters.snapshot(where)
    found = [kind for kind in dict.fromkeys(KINDS.values()) if snapshot.get(kind, space, name)]
    if len(found) != 1:
        said = f"Several workloads of {space} are called {name}" if found else f"There is no workload {name} in {space}"
        choice = ", ".join(f"{kind.lower()}/{name}" for kind in found)
        raise Invalid(f"{said}. Nothing was done.", f"Name one: {choice}." if found else "azora cluster workloads lists them.")
    return where, (found[0], space, name)


def _line(view: Any, key: tuple[str, str, str]) -> Any:
    from app.core.errors import NotFound

    found = next((line for line in view.workloads if line.key == key), None)
    if found is None:
        raise NotFound(f"There is no {key[0]} {key[1]}/{key[2]}. Nothing was done.", "azora cluster workloads lists them.")
    return found


def _objects(what: Path) -> list[dict[str, Any]]:
    from app.cluster.manifests import build
    from app.cluster.yamlfile import load

    if str(what) == "-":
        return load(sys.stdin.read(), "Standard input")
    if what.is_dir():
        return build(what)
    try:
        return load(what.read_text(encoding="utf-8"), str(what))
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{what} cannot be read: {error}. Nothing was done.", "Name a file, a folder or -.") from None
