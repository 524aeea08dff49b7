"""Prometheus on the command line: ``azora cluster query EXPRESSION``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.cluster import ContextOption, cluster, context_of
from app.cli.support import progress, run, show, table

if TYPE_CHECKING:
    from app.cluster.prometheus import Queried
    from app.console import Console


@cluster.command("query")
def query(
    expression: Annotated[str, typer.Argument(help="PromQL, such as: up")],
    seconds: Annotated[int, typer.Option("--seconds", help="A range of so many seconds up to now; 0 for the present values.")] = 0,
    prometheus: Annotated[str, typer.Option("--prometheus", help="Name the context's Prometheus, from now on.")] = "",
    context: ContextOption = "",
) -> None:
    """Ask the Prometheus of a context."""

    async def work(console: Console) -> Queried:
        name = context_of(console.clusters, context)
        if prometheus:
            console.clusters.set_context(name, prometheus=prometheus)
        return await console.clusters.query(name, expression, seconds)

    found = run(work)
    for warning in found.warnings:
        progress(warning)
    if found.left_out:
        progress(f"{found.left_out} further series are left out.")
    show(
        # Text, since JSON has no NaN and no infinity.
        [{"labels": line.labels, "points": [[at, repr(value)] for at, value in line.points]} for line in found.lines],
        people=lambda: table(
            ("Series", "Last value", "Points"),
            [(line.name, f"{line.points[-1][1]:,.6g}", str(len(line.points))) for line in found.lines if line.points],
            empty="Nothing fits the expression.",
        ),
    )
