"""Several clusters side by side: what the service tells is what the servers say."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from app.cluster import RECORDED, Clusters, KindStatus
from app.cluster.exec import execute, run_once
from app.cluster.logs import LogSource
from app.cluster.watching import Pace
from app.console import Console
from app.core.errors import ConsoleError
from app.core.events import ClusterChanged
from app.core.settings import NetworkSetting
from tests.cluster.apiserver import ApiServer
from tests.cluster.apiserver.rights import Rule, User
from tests.cluster.conftest import QUICK, assert_comes, pod

RAPID = Pace(probe=0.05, patience=0.5, metrics=0.1, access=0.2)
SLOWER = dataclasses.replace(QUICK, page=500, longest=0.1)


@pytest_asyncio.fixture
async def console(tmp_path: Path, server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Console]:
    """A console whose only context leads to the recorded cluster."""
    config = server.kubeconfig(tmp_path / "kubeconfig", context="kind-shop")
    monkeypatch.setenv("KUBECONFIG", str(config))
    (tmp_path / "home").mkdir()
    console = await Console.open(tmp_path / "home")
    console.clusters._timing, console.clusters._pace = SLOWER, RAPID
    try:
        yield console
    finally:
        await console.close()


@pytest.fixture
def clusters(console: Console) -> Clusters:
    return console.clusters


@pytest.mark.asyncio
async def test_connecting_reads_everything_and_says_so(clusters, server):
    reach = await clusters.connect("kind-shop")
    assert reach.answers and reach.version == "v1.36.2"
    await clusters.settled("kind-shop")
    snapshot = clusters.snapshot("kind-shop")
    for kind in ("Pod", "Deployment", "Node", "Event", "Application", "NetworkPolicy"):
        assert snapshot.of(kind).keys() == server.objects(kind).keys(), kind
        assert snapshot.state(kind).status is KindStatus.LIVE
    assert snapshot.state("Certificate").status is KindStatus.ABSENT
    (row,) = await clusters.fleet()
    assert (row.environment.value, row.nodes, row.applications) == ("local", 3, 2)
    assert row.pods == sum(item["status"]["phase"] not in ("Succeeded", "Failed") for item in server.objects("Pod").values())
    assert row.worst is not None and row.known_at > 0


@pytest.mark.asyncio
async def test_a_page_of_the_web_in_its_place_empties_nothing_and_is_no_answer(clusters, server):
    """A proxy's sign-in page: what is known stays, and is said to be old."""
    await clusters.connect("kind-shop")
    await clusters.settled("kind-shop")
    known = clusters.snapshot("kind-shop").of("Pod").keys()
    server.faults.refuse(".*", 200, "<html>Sign in</html>", content_type="text/html", times=1 << 30)
    server.end_watches()
    await assert_comes(lambda: clusters.reach("kind-shop").answers is False)
    assert "page of the web" in clusters.reach("kind-shop").message
    await assert_comes(lambda: clusters.snapshot("kind-shop").state("Pod").status is KindStatus.STALE)
    assert clusters.snapshot("kind-shop").of("Pod").keys() == known
    server.faults.heal()
    await assert_comes(lambda: clusters.snapshot("kind-shop").state("Pod").status is KindStatus.LIVE)


@pytest.mark.asyncio
async def test_changes_are_told_merged(console, clusters, server):
    await clusters.connect("kind-shop")
    await clusters.settled("kind-shop")
    told: list[ClusterChanged] = []
    console.bus.subscribe(ClusterChanged, lambda event: told.append(event) if "Pod" in event.kinds else None)
    for number in range(40):
        server.put(pod(f"p{number}"))
    await assert_comes(lambda: ("shop", "p39") in clusters.snapshot("kind-shop").of("Pod"))
    await assert_comes(lambda: told)
    assert len(told) < 20


@pytest.mark.asyncio
async def test_point_4_an_open_watch_proves_no_health(clusters, server):
    """The listener is gone, the watches stay open: only the separate probe sees it."""
    await clusters.connect("kind-shop")
    await clusters.settled("kind-shop")
    server.faults.refuse("limit=1$", 503, "service unavailable\n", times=10_000)
    await assert_comes(lambda: clusters.reach("kind-shop").answers is False)
    state = clusters.snapshot("kind-shop").state("Pod")
    assert state.status is KindStatus.STALE and state.message
    (row,) = await clusters.fleet()
    assert row.reach.message and row.pods > 0
    server.faults.heal()
    await assert_comes(lambda: clusters.snapshot("kind-shop").state("Pod").status is KindStatus.LIVE)


@pytest.mark.asyncio
async def test_point_13_a_hanging_store_behind_the_server_is_named(clusters, server):
    await clusters.connect("kind-shop")
    await clusters.settled("kind-shop")
    server.faults.etcd_down = True
    await assert_comes(lambda: "etcd" in clusters.reach("kind-shop").message)
    assert clusters.snapshot("kind-shop").state("Pod").status is KindStatus.STALE
    server.faults.heal()
    await assert_comes(
        lambda: clusters.reach("kind-shop").answers and clusters.snapshot("kind-shop").state("Pod").status is KindStatus.LIVE
    )


@pytest.mark.asyncio
async def test_after_a_restart_all_kinds_are_right_again(clusters, server):
    await clusters.connect("kind-shop")
    await clusters.settled("kind-shop")
    await server.kill()
    await assert_comes(lambda: clusters.reach("kind-shop").answers is False)
    server.put(pod("meanwhile"))
    server.storage.compact()
    server.faults.warming = True
    await server.start()
    await assert_comes(lambda: clusters.reach("kind-shop").answers)
    server.faults.warming = False
    await assert_comes(lambda: ("shop", "meanwhile") in clusters.snapshot("kind-shop").of("Pod"))
    await assert_comes(lambda: clusters.snapshot("kind-shop").state("Application").status is KindStatus.LIVE)


@pytest.mark.asyncio
async def test_another_cluster_under_the_same_context_is_noticed(clusters, server):
    await clusters.connect("kind-shop")
    await clusters.settled("kind-shop")
    await assert_comes(lambda: clusters.identity("kind-shop").uid)  # on a busy machine the first question may go unanswered
    other = dict(server.objects("Namespace")[("", "kube-system")])
    other["metadata"] = {**other["metadata"], "uid": "another"}
    server.storage.objects[server.storage.by_kind("Namespace")][("", "kube-system")] = other
    await assert_comes(lambda: clusters.identity("kind-shop").uid == "another")
    (row,) = await clusters.fleet()
    assert "Another cluster" in row.problem
    await assert_comes(lambda: clusters.snapshot("kind-shop").of("Pod").keys() == server.objects("Pod").keys())


@pytest.mark.asyncio
async def test_who_may_only_read_a_namespace_sees_that_namespace(clusters, server, tmp_path):
    path = server.kubeconfig(tmp_path / "alice.yaml", context="alice", token="alice", namespace="shop")
    clusters.add_kubeconfig(path)
    await clusters.connect("alice")
    await assert_comes(lambda: clusters.snapshot("alice").of("Pod"))
    assert all(namespace == "shop" for namespace, _ in clusters.snapshot("alice").of("Pod"))
    await assert_comes(lambda: clusters.snapshot("alice").state("Secret").status is KindStatus.DENIED)
    await assert_comes(lambda: clusters.access("alice").asked_at)
    access = clusters.access("alice")
    assert access.user == "alice"
    assert access.may_list("Pod") and not access.may_watch("Pod")
    assert access.may_act("scale", "Deployment", "shop") is False
    assert access.why_not("scale", "Deployment", "shop") == "alice may not patch deployments/scale.apps in shop."
    # A kind that was refused everywhere is asked for again where it may be read, and is unknown in between.
    await assert_comes(lambda: "only the namespace shop" in clusters.remarks("alice") and "Secret" in clusters.remarks("alice"))
    (row,) = [row for row in await clusters.fleet() if row.context == "alice"]
    assert "only the namespace shop" in row.limits and {"Node", "Application"} <= row.denied


@pytest.mark.asyncio
async def test_an_administrator_may_act(clusters):
    await clusters.connect("kind-shop")
    await assert_comes(lambda: clusters.access("kind-shop").asked_at)
    access = clusters.access("kind-shop")
    offered = [("scale", "Deployment"), ("drain", "Node"), ("run", "Pod"), ("logs", "Pod"), ("promote", "Rollout")]
    assert all(access.may_act(action, kind) for action, kind in offered) and access.may_watch("Pod")
    assert access.why_not("delete", "Pod", "shop") == "" and clusters.remarks("kind-shop") == ""


def reader(*namespaces: str, name: str = "bob", also: tuple[Rule, ...] = ()) -> User:
    """Somebody who may read pods and deployments in some namespaces, and nothing else."""
    rules = [Rule(("get", "list", "watch"), ("pods", "deployments"), ("", "apps"), space) for space in namespaces]
    return User(name, ("system:authenticated",), (*rules, *also))


@pytest.mark.asyncio
async def test_several_namespaces_are_seen_side_by_side_and_what_is_not_seen_is_said(clusters, server, tmp_path):
    server.users["bob"] = reader("shop", "payments")
    server.put(pod("elsewhere", namespace="monitoring"))
    clusters.add_kubeconfig(server.kubeconfig(tmp_path / "bob.yaml", context="bob", token="bob", namespace="shop"))
    clusters.set_context("bob", namespace="shop, payments")
    await clusters.connect("bob")
    await assert_comes(lambda: clusters.snapshot("bob").state("Pod").spaces == {"shop", "payments"})
    await clusters.settled("bob")
    wanted = {key for key in server.objects("Pod") if key[0] in ("shop", "payments")}
    assert clusters.snapshot("bob").of("Pod").keys() == wanted and {space for space, _ in wanted} == {"shop", "payments"}
    assert clusters.snapshot("bob").state("Pod").spaces == {"shop", "payments"}
    assert "only the namespaces payments, shop" in clusters.remarks("bob") and "Node" in clusters.remarks("bob")
    health = await clusters.health("bob")
    assert "NetworkPolicy" in health.unread and not any(s.rule == "policy.uncovered" for s in health.signals)
    server.put(pod("fresh", namespace="payments"))
    await assert_comes(lambda: ("payments", "fresh") in clusters.snapshot("bob").of("Pod"))
    clusters.set_context("bob", namespace="payments")
    await assert_comes(lambda: {space for space, _ in clusters.snapshot("bob").of("Pod")} == {"payments"})


@pytest.mark.asyncio
async def test_namespaces_that_may_be_read_are_found_where_they_may_be_listed(clusters, server, tmp_path):
    server.users["bob"] = reader("payments", also=(Rule(("list",), ("namespaces",)),))
    clusters.add_kubeconfig(server.kubeconfig(tmp_path / "bob.yaml", context="bob", token="bob", namespace="default"))
    await clusters.connect("bob")
    await assert_comes(lambda: {space for space, _ in clusters.snapshot("bob").of("Pod")} == {"payments"})
    assert clusters.access("bob").namespaces == ("payments",)


@pytest.mark.asyncio
async def test_a_namespace_that_is_lost_takes_its_objects_with_it_and_the_others_stay(clusters, server, tmp_path):
    server.users["bob"] = reader("shop", "payments")
    clusters.add_kubeconfig(server.kubeconfig(tmp_path / "bob.yaml", context="bob", token="bob"))
    clusters.set_context("bob", namespace="shop,payments")
    await clusters.connect("bob")
    await assert_comes(lambda: clusters.snapshot("bob").state("Pod").spaces == {"shop", "payments"})
    server.users["bob"] = reader("shop")
    server.cut_watches()
    await assert_comes(lambda: "Nothing is known of payments" in clusters.snapshot("bob").state("Pod").message)
    snapshot = clusters.snapshot("bob")
    assert snapshot.state("Pod").spaces == {"shop"} and {space for space, _ in snapshot.of("Pod")} == {"shop"}


@pytest.mark.asyncio
async def test_credentials_that_expire_are_told_apart_from_silence_with_what_to_do(clusters, server):
    await clusters.connect("kind-shop")
    await clusters.settled("kind-shop")
    server.faults.unauthorized = True
    await assert_comes(lambda: clusters.reach("kind-shop").refused)
    reach = clusters.reach("kind-shop")
    assert reach.answers is False and "have expired" in reach.message and "Sign in again" in reach.message
    assert clusters.snapshot("kind-shop").of("Pod"), "what was known stays"
    server.faults.heal()
    await assert_comes(lambda: clusters.reach("kind-shop").answers and not clusters.reach("kind-shop").refused)


@pytest.mark.asyncio
async def test_a_search_goes_across_clusters_and_remembers(clusters, server, tmp_path):
    async with ApiServer(bookmark_seconds=0.2) as other:
        other.put(pod("cart-elsewhere", namespace="default"))
        clusters.add_kubeconfig(other.kubeconfig(tmp_path / "other.yaml", context="prod-eu"))
        await clusters.connect_all()
        for name in ("kind-shop", "prod-eu"):
            await clusters.settled(name)
        found = await clusters.search("cart")
        assert {item.context for item in found} == {"kind-shop", "prod-eu"}
        assert {item.name for item in await clusters.search("pod elsewhere", environment="production")} == {"cart-elsewhere"}
        few = await clusters.search("pod", limit=3)  # the first cluster has more than that
        assert len(few) == 3 and {item.context for item in few} == {"kind-shop", "prod-eu"}
        await clusters.disconnect("prod-eu")
        (kept,) = await clusters.search("elsewhere")
        assert kept.known_at > 0


@pytest.mark.asyncio
async def test_metrics_come_with_a_short_history_and_their_absence_is_said(clusters, server):
    await clusters.connect("kind-shop")
    await assert_comes(lambda: clusters.snapshot("kind-shop").metrics.available)
    metrics = clusters.snapshot("kind-shop").metrics
    (key, containers) = next(iter(metrics.pods.items()))
    assert all(cpu >= 0 and memory > 0 for cpu, memory in containers.values()) and metrics.nodes
    await assert_comes(lambda: len(clusters.usage("kind-shop", "Pod", *key)) >= 2)
    server.faults.metrics_down = True
    await assert_comes(lambda: not clusters.snapshot("kind-shop").metrics.available)
    assert "does not answer" in clusters.snapshot("kind-shop").metrics.message
    assert clusters.reach("kind-shop").answers, "a dead metrics server is not a dead cluster"


@pytest.mark.asyncio
async def test_what_a_workload_used_is_known_after_a_restart_and_of_a_dead_cluster_nothing_is_kept(console, server, tmp_path):
    clusters, cart = console.clusters, ("Deployment", "shop", "cart")
    await clusters.connect("kind-shop")
    await assert_comes(lambda: clusters.usage("kind-shop", *cart))
    measured = clusters.usage("kind-shop", *cart)[0]
    assert await clusters.keep_minute(measured.at) > 3
    assert await clusters.keep_minute(measured.at - 3_600_000) == 0, "an hour ago nothing was measured"
    server.faults.etcd_down = server.faults.metrics_down = True
    await assert_comes(
        lambda: clusters.reach("kind-shop").answers is False and not clusters.snapshot("kind-shop").metrics.available
    )
    last = clusters.usage("kind-shop", *cart)[-1].at
    await asyncio.sleep(3 * RAPID.metrics)
    assert clusters.usage("kind-shop", *cart)[-1].at == last, "what is not measured is no reading"
    assert await clusters.keep_minute(last + 60_000) == 0
    server.faults.heal()
    await console.close()

    again = await Console.open(tmp_path / "home")
    again.clusters._timing, again.clusters._pace = SLOWER, RAPID
    try:
        assert await again.clusters.usage_over("kind-shop", *cart, 168) == [], "which cluster it is must be asked first"
        await again.clusters.connect("kind-shop")
        minute = measured.at - measured.at % 60_000
        kept = [one for one in await again.clusters.usage_over("kind-shop", *cart, 168) if one.at == minute]
        assert kept and kept[0].memory == measured.memory and kept[0].cpu == pytest.approx(measured.cpu, abs=0.001)
        pod = next(key for key in again.clusters.snapshot("kind-shop").of("Pod") if key[0] == "shop")
        assert all(one.span < 60_000 for one in await again.clusters.usage_over("kind-shop", "Pod", *pod, 168))
    finally:
        await again.close()


@pytest.mark.asyncio
async def test_what_is_said_about_a_context_is_kept(clusters):
    clusters.set_context("kind-shop", environment="production", read_only=True)
    assert clusters.environment("kind-shop").value == "production" and clusters.read_only("kind-shop")
    clusters.set_context("kind-shop", environment="")
    assert clusters.environment("kind-shop").value == "local" and clusters.read_only("kind-shop")
    with pytest.raises(ConsoleError):
        clusters.set_context("nowhere", read_only=True)


@pytest.mark.asyncio
async def test_without_a_cluster_there_is_a_recorded_one_to_explore(clusters):
    """It says what it is, cannot be changed, and is judged as of its recording."""
    snapshot, health = clusters.snapshot(RECORDED), await clusters.health(RECORDED)
    assert "not live" in RECORDED and snapshot.of("Pod") and snapshot.taken_at < 1_800_000_000_000
    assert clusters.read_only(RECORDED) and clusters.environment(RECORDED).value == "local"
    assert health.worst is not None
    assert RECORDED not in {row.context for row in await clusters.fleet()}
    with pytest.raises(ConsoleError, match="no cluster context"):
        clusters.connection(RECORDED)


# logs


@pytest.mark.asyncio
async def test_logs_of_several_pods_come_as_one_in_the_order_of_time(clusters, server):
    for number, name in ((1, "a"), (3, "a"), (2, "b")):
        server.put(pod(name))
        server.log("shop", name, f"line {number}", time=f"2026-11-23T01:11:0{number}.000000000Z")
    lines: list[str] = []
    sources = [LogSource("shop", name, "main") for name in "ab"]
    await clusters.logs("kind-shop", sources, lambda line: lines.append(f"{line.pod} {line.text}"), tail=10)
    assert lines == ["a line 1", "b line 2", "a line 3"]


@pytest.mark.asyncio
async def test_a_followed_log_that_is_cut_loses_and_repeats_nothing(clusters, server, monkeypatch):
    monkeypatch.setattr("app.cluster.logs.PAUSE_SECONDS", 0.01)
    server.put(pod("a"))
    for number in range(3):
        server.log("shop", "a", f"line {number}")  # three lines of one instant
    lines: list[str] = []
    following = asyncio.create_task(
        clusters.logs("kind-shop", [LogSource("shop", "a", "main")], lambda line: lines.append(line.text), follow=True)
    )
    await assert_comes(lambda: len(lines) == 3 and any("follow" in line for line in server.requests))
    server.log("shop", "a", "line 3", time="2026-11-23T01:11:31.690767001Z")
    await assert_comes(lambda: len(lines) == 4)
    server.drop_all()
    server.log("shop", "a", "line 4", time="2026-11-23T01:11:32.000000000Z")
    await assert_comes(lambda: len(lines) >= 5)
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    assert lines == [f"line {number}" for number in range(5)]


@pytest.mark.asyncio
async def test_a_log_that_cannot_be_read_costs_the_others_nothing(clusters, server):
    server.put(pod("a"))
    server.log("shop", "a", "here")
    lines: list[str] = []
    problems: list[str] = []
    sources = [LogSource("shop", "a", "nope"), LogSource("shop", "a", "main"), LogSource("shop", "a", "main", previous=True)]
    await clusters.logs(
        "kind-shop", sources, lambda line: lines.append(line.text), problem=lambda source, error: problems.append(str(error))
    )
    assert lines == ["here"] and len(problems) == 2


# exec and tunnels, against a WebSocket server written from the protocol's text


@pytest.mark.asyncio
async def test_a_command_gives_its_output_and_its_exit_code(clusters, server):
    server.put(pod("a"))
    server.programs["sh -c boom"] = ("out", "err", 3)
    connection = clusters.connection("kind-shop")
    assert await run_once(connection, "shop", "a", ["sh", "-c", "boom"]) == (3, b"out", b"err")
    assert (await run_once(connection, "shop", "a", ["nothing"]))[0] == 127


@pytest.mark.asyncio
async def test_a_session_takes_input_size_and_the_end_of_input(clusters, server):
    server.put(pod("a"))
    output = b""
    async with execute(clusters.connection("kind-shop"), "shop", "a", ["cat"], stdin=True, terminal=True) as session:
        await session.write(b"hello")
        await session.resize(80, 24)
        await session.close_input()
        async for _, data in session.output():
            output += data
    assert output == b"hello<80x24>" and session.exit_code == 0


@pytest.mark.asyncio
async def test_exec_that_is_refused_says_why(clusters):
    with pytest.raises(ConsoleError, match="does not have it"):
        await run_once(clusters.connection("kind-shop"), "shop", "nope", ["true"])


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[int]:
    """A TCP server that sends back what it gets, in capitals."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data.upper())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def said(port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(100), 5)
    finally:
        writer.close()


@pytest.mark.asyncio
async def test_a_tunnel_reaches_a_ready_pod_and_outlives_it(clusters, server, echo):
    server.ports[8545] = echo
    for name in ("rpc-0", "rpc-1"):
        body = pod(name, app="rpc")
        body["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        server.put(body)
    service = {"selector": {"app": "rpc"}, "ports": [{"port": 80, "targetPort": 8545}]}
    server.put({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "rpc", "namespace": "shop"}, "spec": service})
    port = free_port()
    await clusters.add_tunnel("rpc", "kind-shop", "shop", "service/rpc", 80, port)
    await clusters.tunnels.open("rpc")
    assert await said(port, b"block") == b"BLOCK"
    first = clusters.tunnels.list()[0].pod
    server.remove("Pod", "shop", first)
    assert await said(port, b"again") == b"AGAIN"
    assert clusters.tunnels.list()[0].pod != first
    assert clusters.tunnels.route("http://rpc.tunnel/path") == f"http://127.0.0.1:{port}/path"
    assert clusters.tunnels.route("postgresql://me@rpc.tunnel/db") == f"postgresql://me@127.0.0.1:{port}/db"
    assert clusters.tunnels.route("http://example.com/") == "http://example.com/"


@pytest.mark.asyncio
async def test_a_tunnel_gives_another_cluster_nothing(clusters, server, echo):
    server.ports[5432] = echo
    server.put(pod("db"))
    port = free_port()
    await clusters.add_tunnel("db", "kind-shop", "shop", "pod/db", 5432, port)
    other = dict(server.objects("Namespace")[("", "kube-system")])
    server.storage.objects[server.storage.by_kind("Namespace")][("", "kube-system")] = {
        **other,
        "metadata": {**other["metadata"], "uid": "another"},
    }
    await clusters.tunnels.open("db")
    assert await said(port, b"password") == b""
    assert "Another cluster" in clusters.tunnels.list()[0].message
    assert not any("portforward" in line for line in server.requests)


@pytest.mark.node
@pytest.mark.asyncio
async def test_a_chain_in_a_cluster_is_reached_through_a_tunnel(console, clusters, server, node):
    """A network whose address names a tunnel: added, checked against its genesis, and read."""
    server.ports[8545] = urlsplit(node.url).port
    server.put(pod("rpc-0"))
    await clusters.add_tunnel("rpc", "kind-shop", "shop", "pod/rpc-0", 8545, free_port())
    await clusters.tunnels.open("rpc")
    setting = NetworkSetting(id="inside", name="Inside", rpc_url="http://rpc.tunnel", chain_id=int(node("eth_chainId"), 16))
    await console.networks.add(setting)
    chain = await console.networks.connect("inside")
    assert (await chain.head()).number == int(node("eth_blockNumber"), 16)
    assert any("portforward" in line for line in server.requests)
