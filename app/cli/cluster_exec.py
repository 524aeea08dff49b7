"""A command in a container: ``azora cluster exec POD -- COMMAND``. It is a plan."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.cluster import ContextOption, NamespaceOption, cluster, ready
from app.cli.support import carry_out, leave, options, report, run, show

if TYPE_CHECKING:
    from app.cluster.actions.running import Ran
    from app.console import Console
    from app.operations import Plan


@cluster.command("exec")
def exec_(
    pod: Annotated[str, typer.Argument(help="The pod.")],
    command: Annotated[list[str], typer.Argument(help="After --: the command and its arguments; put no secret in it.")],
    context: ContextOption = "",
    namespace: NamespaceOption = "",
    container: Annotated[str, typer.Option("--container", "-c", help="The container; default: the first.")] = "",
    seconds: Annotated[int, typer.Option("--seconds", help="Give it up after so many seconds.")] = 60,
) -> None:
    """Run a command once. Leaves with the command's exit code, or 11 when that is not known."""

    async def work(console: Console) -> tuple[Plan, Ran | None]:
        name = await ready(console, context)
        space = namespace or console.clusters.contexts().get(name).namespace or "default"
        actions = console.clusters.actions
        plan = await actions.plan_exec(name, space, pod, command, container=container, seconds=seconds)
        plan = await carry_out(console, plan)
        return plan, actions.ran(plan.id)

    plan, ran = run(work)
    if ran is None:
        report(plan)
    out, err = ran.text(errors=False), ran.text(errors=True)
    if not options.json:
        sys.stdout.write(out)
        sys.stderr.write(err)
    if ran.exit_code is None:
        report(plan)
    if options.json:
        show({"plan": plan.name, "exit_code": ran.exit_code, "output": out, "errors": err, "cut": ran.cut}, people=str)
    leave(ran.exit_code)
