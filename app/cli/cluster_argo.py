"""Argo CD on the command line: ``azora cluster argo list``, ``sync``, ``rollback``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.cluster import ContextOption, cluster, ready
from app.cli.support import carry_out, moment, report, run, show, table
from app.core.errors import NotFound

if TYPE_CHECKING:
    from app.cluster.argo import Application
    from app.console import Console
    from app.operations import Plan

argo = typer.Typer(help="Argo CD applications: list, sync, roll back.", no_args_is_help=True)
cluster.add_typer(argo, name="argo")

Name = Annotated[str, typer.Argument(help="Name of the application, or NAMESPACE/NAME.")]


async def _applications(console: Console, context: str) -> tuple[str, tuple[Application, ...]]:
    from app.cluster.argo import applications
    from app.cluster.workloads import View

    where = await ready(console, context)
    return where, applications(View(console.clusters.snapshot(where)))


@argo.command("list")
def list_(context: ContextOption = "") -> None:
    """Applications: sync and health apart, what differs from Git, and what was deployed before."""

    async def work(console: Console) -> tuple[Application, ...]:
        return (await _applications(console, context))[1]

    found = run(work)
    plain = [
        {
            "namespace": app.namespace,
            "name": app.name,
            "sync": app.sync,
            "health": app.health,
            "revision": app.revision,
            "automated": app.automated,
            "drift": [f"{r.kind} {r.namespace}/{r.name}" for r in app.drifted],
            "history": [{"id": number, "revision": revision, "deployed_at": at} for number, revision, at in app.history],
        }
        for app in found
    ]
    rows = [
        (
            f"{app.namespace}/{app.name}",
            app.sync,
            app.health,
            app.revision[:7],
            str(len(app.drifted)),
            ", ".join(f"{number} ({revision[:7]}, {moment(at)})" for number, revision, at in app.history[:3]),
        )
        for app in found
    ]
    headings = ("Application", "Sync", "Health", "Revision", "Differ", "Deployed before (UTC)")
    show(plain, people=lambda: table(headings, rows, empty="There is no Argo CD application."))


@argo.command("sync")
def sync(
    name: Name,
    prune: Annotated[bool, typer.Option("--prune", help="Also delete what Git no longer has.")] = False,
    context: ContextOption = "",
) -> None:
    """Make the cluster what Git says."""
    _act(name, context, lambda actions, where, app: actions.plan_sync(where, app.namespace, app.name, prune=prune))


@argo.command("rollback")
def rollback(
    name: Name,
    deployment: Annotated[int, typer.Argument(help="Its number in the history, as list shows it.")],
    context: ContextOption = "",
) -> None:
    """Deploy again what was deployed before. Not while the application syncs by itself: that would undo it."""
    _act(name, context, lambda actions, where, app: actions.plan_rollback(where, app.namespace, app.name, deployment))


def _act(name: str, context: str, make: Any) -> None:
    async def work(console: Console) -> Plan:
        where, found = await _applications(console, context)
        chosen = [app for app in found if name in (app.name, f"{app.namespace}/{app.name}")]
        if len(chosen) != 1:
            known = ", ".join(f"{app.namespace}/{app.name}" for app in found) or "none"
            many = "Several applications are" if chosen else "No application is"
            raise NotFound(f"{many} named {name}. Nothing was done.", f"Known: {known}.")
        return await carry_out(console, await make(console.clusters.actions, where, chosen[0]))

    report(run(work))
