"""Tunnels as people meet them: on the command line, shut and opened again, and below the console's own store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.console import Console
from app.core.errors import Conflict, NotFound, Unavailable
from app.core.settings import SettingsStore
from tests.cluster.apiserver.rights import Rule, User
from tests.cluster.aside import served
from tests.cluster.conftest import pod


@pytest.fixture
def server():
    with served() as found:
        yield found


def test_a_tunnel_is_added_listed_and_removed(azora, home, server, tmp_path):
    azora.environ |= {"KUBECONFIG": str(server.kubeconfig(tmp_path / "config", context="eu"))}
    made = azora("--json", "cluster", "tunnel", "add", "db", "service/db", "5432", "-n", "shop").json
    (row,) = azora("--json", "cluster", "tunnel", "list").json
    uid = server.objects("Namespace")["", "kube-system"]["metadata"]["uid"]
    assert (row["address"], row["context"], row["cluster"], row["target"]) == ("db.tunnel", "eu", uid, "service/db")
    assert row["local_port"] == made["local_port"] and row["local_port_in_use"] is False
    azora("cluster", "tunnel", "add", "db", "service/db", "5432", expect=2)
    azora("cluster", "tunnel", "remove", "db")
    assert azora("--json", "cluster", "tunnel", "list").json == []


def test_a_tunnel_that_this_identity_may_not_open_is_not_set_up(azora, home, server, tmp_path):
    server.users["bob"] = User("bob", rules=(Rule(("*",), ("pods/portforward",), ("",), "ci"),))
    azora.environ |= {"KUBECONFIG": str(server.kubeconfig(tmp_path / "config", context="eu", token="bob"))}
    refused = azora("cluster", "tunnel", "add", "db", "service/db", "5432", "-n", "shop", expect=5)
    assert "bob may not create pods/portforward in shop, nor get pods/portforward in shop. Nothing was set up." in refused.err
    assert azora("--json", "cluster", "tunnel", "list").json == []


@pytest.mark.asyncio
async def test_who_may_not_ask_which_cluster_it_is_pins_a_tunnel_to_its_address(server, tmp_path, monkeypatch):
    forward = Rule(("create", "get"), ("pods/portforward",), namespace="shop")
    server.users["bob"] = User("bob", rules=(forward,))
    config = server.kubeconfig(tmp_path / "config", context="eu", token="bob")
    monkeypatch.setenv("KUBECONFIG", str(config))
    console = await Console.open(tmp_path / "home")
    try:
        made = await console.clusters.add_tunnel("a", "eu", "shop", "pod/a", 80, 0)
        assert made.identity == server.url
        with served() as other:
            other.users["bob"] = server.users["bob"]
            other.kubeconfig(config, context="eu", token="bob")
            console.clusters.contexts(reload=True)
            connection = console.clusters._own_connection("eu")
            connection.pin(made.identity)
            with pytest.raises(Conflict, match="Another cluster"):
                await connection.check_identity()
            connection.pin(other.url)
            await connection.check_identity()
            other.users["bob"] = User("bob", rules=(forward, Rule(("get",), ("namespaces",))))
            await connection.check_identity()  # who may ask now is no reason to cut the tunnel
            await connection.close()
    finally:
        await console.close()


@pytest.mark.asyncio
async def test_what_a_person_shut_is_not_opened_again_by_the_supervisor(server, tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config", context="eu")))
    console = await Console.open(tmp_path / "home")
    try:
        tunnels = console.clusters.tunnels
        await console.clusters.add_tunnel("a", "eu", "shop", "pod/a", 80, 0)
        await tunnels.open_all()
        assert tunnels.list()[0].listening and tunnels.list()[0].since > 0
        await tunnels.shut("a")
        await tunnels.open_all()
        assert not tunnels.list()[0].listening and tunnels.list()[0].since == 0
        await tunnels.open("a")
        assert tunnels.list()[0].listening
        with pytest.raises(NotFound):
            await console.clusters.remove_tunnel("b")
    finally:
        await console.close()


@contextlib.asynccontextmanager
async def stored(server, folder: Path, postgres: str) -> AsyncIterator[Path]:
    """A home whose store is a PostgreSQL behind the API server's port-forward: two ready pods behind one Service."""
    parts = urlsplit(postgres)
    (socket,) = Path(parts.query.removeprefix("host=")).glob(".s.PGSQL.*[0-9]")
    async with listening(socket) as port:
        server.ports[5432] = port
        for name in ("db-x", "db-y"):
            body = pod(name, app="store")
            body["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
            server.put(body)
        spec = {"selector": {"app": "store"}, "ports": [{"port": 5432}]}
        server.put({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store", "namespace": "shop"}, "spec": spec})
        first = await Console.open(folder)
        await first.clusters.add_tunnel("store", "eu", "shop", "service/store", 5432, 0)
        await first.close()
        settings = SettingsStore(first.home, {})
        settings.load()
        settings.set("database.url", f"{parts.scheme}://azora@store.tunnel{parts.path}")
        yield folder


@pytest.mark.asyncio
async def test_the_store_itself_may_lie_behind_a_tunnel_and_outlives_its_pod(server, tmp_path, monkeypatch, postgres):
    """The tunnel opens before the store and closes after it. A pod that dies, and every cut connection, cost one reconnection."""
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config", context="eu")))
    async with stored(server, tmp_path / "home", postgres) as home:
        console = await Console.open(home)
        try:
            state = console.clusters.tunnels.list()[0]
            assert state.connections > 0 and state.pod in ("db-x", "db-y")
            assert console.access.operator.role.value == "administrator"
            server.remove("Pod", "shop", state.pod)
            server.drop_all()
            assert await console.database.read(lambda connection: connection.exec_driver_sql("select 41 + 1").scalar()) == 42
            after = console.clusters.tunnels.list()[0]
            assert after.pod != state.pod and after.reconnects > 0
        finally:
            await console.close()


@pytest.mark.asyncio
async def test_a_store_behind_a_tunnel_to_another_cluster_is_not_opened_and_the_reason_is_the_tunnels(
    server, tmp_path, monkeypatch, postgres
):
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config", context="eu")))
    async with stored(server, tmp_path / "home", postgres) as home:
        server.objects("Namespace")["", "kube-system"]["metadata"]["uid"] = "another"
        forwarded = [line for line in server.requests if "portforward" in line]
        with pytest.raises(Unavailable, match=r"behind the tunnel store.* Another cluster answers"):
            await Console.open(home)
        assert [line for line in server.requests if "portforward" in line] == forwarded


@contextlib.asynccontextmanager
async def listening(path: Path) -> AsyncIterator[int]:
    """A port for a server that has only a socket in a folder."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer), return_exceptions=True)

    relay = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield relay.sockets[0].getsockname()[1]
    relay.close()
