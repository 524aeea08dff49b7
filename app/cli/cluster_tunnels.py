"""Tunnels on the command line: ``azora cluster tunnel list|add|remove``. They are settings; the console keeps them open."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.cluster import ContextOption, cluster, context_of
from app.cli.support import run, say, show, table

if TYPE_CHECKING:
    from app.cluster.tunnels import TunnelState
    from app.console import Console
    from app.core.settings import TunnelSetting

tunnel = typer.Typer(help="Ways from this machine to a port in a cluster.", no_args_is_help=True)
cluster.add_typer(tunnel, name="tunnel")
Name = Annotated[str, typer.Argument(help="Its name; addresses say NAME.tunnel.")]


@tunnel.command("list")
def list_() -> None:
    """All tunnels, and whether somebody else listens on their local port now (the open console, as a rule)."""

    async def work(console: Console) -> tuple[TunnelState, ...]:
        return console.clusters.tunnels.list()

    rows = [
        {
            "name": state.name,
            "address": f"{state.name}.tunnel",
            "context": state.context,
            "cluster": state.identity,
            "namespace": state.namespace,
            "target": state.target,
            "port": state.port,
            "local_port": state.local_port,
            # What this command itself listens on, nobody else does.
            "local_port_in_use": not state.listening and _in_use(state.local_port),
        }
        for state in run(work)
    ]
    show(
        rows,
        people=lambda: table(
            ("Name", "Context", "Pinned cluster", "Target", "Port", "Local port", "In use"),
            [
                (
                    str(row["name"]),
                    str(row["context"]),
                    str(row["cluster"]) or "not pinned",
                    f"{row['namespace']} {row['target']}",
                    str(row["port"]),
                    str(row["local_port"]),
                    "yes" if row["local_port_in_use"] else "no",
                )
                for row in rows
            ],
            empty="There are no tunnels.",
        ),
    )


@tunnel.command("add")
def add(
    name: Name,
    target: Annotated[str, typer.Argument(help="service/NAME or pod/NAME.")],
    port: Annotated[int, typer.Argument(help="Port of the service or pod.")],
    local_port: Annotated[int, typer.Option("--local-port", help="Port of this machine; default: a free one.")] = 0,
    context: ContextOption = "",
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace; default: the context's.")] = "",
) -> None:
    """Set up a tunnel, pinned to the cluster that answers now."""

    async def work(console: Console) -> TunnelSetting:
        clusters = console.clusters
        where = context_of(clusters, context)
        space = namespace or clusters.contexts().get(where).namespace or "default"
        return await clusters.add_tunnel(name, where, space, target, port, local_port)

    made = run(work)
    show(made.model_dump(), people=lambda: f"{made.name}.tunnel leads to {made.target} through 127.0.0.1:{made.local_port}.")


@tunnel.command("remove")
def remove(name: Name) -> None:
    """Forget a tunnel. Addresses that name it lead nowhere afterwards."""

    async def work(console: Console) -> None:
        await console.clusters.remove_tunnel(name)

    run(work)
    say(f"The tunnel {name} was removed.")


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
