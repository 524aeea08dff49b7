"""What workloads and nodes used, on the command line: ``azora cluster usage KIND/NAME``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.cluster import ContextOption, cluster, ready
from app.cli.cluster_act import Space, place
from app.cli.support import moment, run, show, table

if TYPE_CHECKING:
    from app.cluster.usage import Sample, Top
    from app.console import Console

Name = Annotated[str, typer.Argument(help="KIND/NAME of a workload, such as deployment/web, or node/NAME.")]
Hours = Annotated[int, typer.Option("--hours", min=1, max=168, help="How far back, up to seven days.")]


@cluster.command("usage")
def usage(name: Name, context: ContextOption = "", namespace: Space = "", hours: Hours = 24) -> None:
    """CPU and memory of a workload or a node, as an open console kept them; each line is a time without a gap."""

    async def work(console: Console) -> tuple[str, Top, list[Sample]]:
        kind, _, rest = name.partition("/")
        if kind.lower() in ("node", "nodes") and rest:
            where, key = await ready(console, context), ("Node", "", rest)
        else:
            where, key = await place(console, name, context, namespace)
        return where, key, await console.clusters.usage_over(where, *key, hours)

    where, key, samples = run(work)
    show(
        {
            "context": where,
            "kind": key[0],
            "namespace": key[1],
            "name": key[2],
            "samples": [
                {"at": one.at, "seconds": one.span / 1000, "cpu_millicores": round(one.cpu, 3), "memory_bytes": one.memory}
                for one in samples
            ],
        },
        people=lambda: _pieces(samples),
    )


def _pieces(samples: list[Sample]) -> str:
    from app.cluster.usage import runs

    rows = []
    for piece in runs(samples):
        cpu, memory = [one.cpu for one in piece], [one.memory / 2**20 for one in piece]
        means = (
            f"{sum(cpu) / len(cpu):,.0f} m",
            f"{max(cpu):,.0f} m",
            f"{sum(memory) / len(memory):,.1f} MiB",
            f"{max(memory):,.1f} MiB",
        )
        rows.append((moment(piece[0].at), moment(piece[-1].at), str(len(piece)), *means))
    heads = ("From", "Until", "Samples", "CPU, mean", "highest", "Memory, mean", "highest")
    return table(heads, rows, empty="Nothing was kept. A console that is open and connected keeps a sample each minute.")
