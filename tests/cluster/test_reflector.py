"""Whatever a server does, the reflector ends up with what the server has, and never says more than it knows."""

from __future__ import annotations

import asyncio
import gc
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.cluster.kinds import KINDS
from app.cluster.store import KindStatus
from tests.cluster.apiserver import ApiServer, Resource
from tests.cluster.apiserver.rights import ADMIN, User
from tests.cluster.conftest import QUICK, assert_comes, connected, following, held, pod, truth


@pytest.mark.asyncio
async def test_the_first_list_is_paged_and_complete(server, connection):
    async with following(connection) as pods:
        await assert_comes(lambda: pods.state.status is KindStatus.LIVE)
        assert held(pods) == truth(server)
        asked = [line for line in server.requests if "limit=7" in line]
        assert len(asked) == 7 and all("resourceVersion=0" not in line for line in asked)


@pytest.mark.asyncio
async def test_objects_are_light_and_know_their_kind(server, connection):
    async with following(connection, "Deployment") as deployments:
        await assert_comes(lambda: deployments.state.status is KindStatus.LIVE)
        for item in deployments._store.snapshot(0).of("Deployment").values():
            assert (item["apiVersion"], item["kind"]) == ("apps/v1", "Deployment")
            assert "managedFields" not in item["metadata"]


@pytest.mark.asyncio
async def test_changes_arrive_and_bookmarks_are_never_stored(server, connection):
    async with following(connection) as pods:
        await assert_comes(lambda: pods.watches)
        server.put(pod("new"))
        server.remove("Pod", "shop", "db-0")
        await assert_comes(lambda: held(pods) == truth(server))
        before = pods.revision
        server.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}})
        await assert_comes(lambda: pods.revision != before)  # by a bookmark alone
        assert held(pods) == truth(server) and ("", "") not in held(pods)


@pytest.mark.asyncio
async def test_point_1_expired_history_is_read_again(server, connection):
    async with following(connection) as pods:
        await assert_comes(lambda: server.storage.watchers)
        server.stall_watches()
        server.put(pod("missed"))
        server.storage.compact()
        server.end_watches()
        await assert_comes(lambda: held(pods) == truth(server) and pods.lists == 2)


@pytest.mark.asyncio
async def test_point_1_relists_pause_when_history_expires_again_and_again(server, connection):
    """The official informer asks without pause."""
    gone = (
        json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}) + "\n"
    )
    server.faults.refuse("watch=true", 200, gone, content_type="application/json", times=1000)
    async with following(connection) as pods:
        await assert_comes(lambda: pods.lists >= 3 and pods._pause == QUICK.longest)


@pytest.mark.asyncio
async def test_point_2_a_version_from_the_future_is_noticed(server, connection):
    """A store restored from a backup: its versions lie before ours, and a watch would be silent for ever."""
    async with following(connection) as pods:
        await assert_comes(lambda: pods.watches)
        server.storage.revision, server.storage.oldest = 1000, 0
        server.storage.history.clear()
        server.end_watches()
        await assert_comes(lambda: pods.lists == 2 and pods.revision == "1000")
        server.put(pod("seen"))
        await assert_comes(lambda: held(pods) == truth(server))


@pytest.mark.asyncio
async def test_point_3_an_object_that_changes_its_labels_stays(server, connection):
    """No selector is asked for, so DELETED always means gone."""
    async with following(connection) as pods:
        await assert_comes(lambda: pods.watches)
        assert not any("Selector" in line for line in server.requests)
        server.put(pod("cart", app="cart"))
        server.put(pod("cart", app="other"))
        await assert_comes(lambda: held(pods) == truth(server))
        assert ("shop", "cart") in held(pods)


@pytest.mark.asyncio
async def test_point_4_a_cut_and_a_silent_watch_are_resumed_without_a_list(server, connection):
    async with following(connection) as pods:
        await assert_comes(lambda: pods.watches)
        server.cut_watches()
        await assert_comes(lambda: pods.watches == 2)
        server.put(pod("after-cut"))
        await assert_comes(lambda: held(pods) == truth(server))
        server.stall_watches()
        server.put(pod("while-stalled"))
        await assert_comes(lambda: held(pods) == truth(server))
        assert pods.lists == 1


@pytest.mark.asyncio
async def test_point_4_a_killed_server_is_found_again(server, connection):
    async with following(connection) as pods:
        await assert_comes(lambda: pods.watches)
        await server.kill()
        await assert_comes(lambda: pods.state.status is KindStatus.STALE)
        known = pods.state.known_at
        assert pods.state.message and held(pods) == truth(server)
        server.put(pod("while-down"))
        server.storage.compact()
        await asyncio.sleep(0.05)
        assert pods.state.known_at == known
        await server.start()
        await assert_comes(lambda: held(pods) == truth(server) and pods.state.status is KindStatus.LIVE)


@pytest.mark.asyncio
async def test_point_6_a_deleted_crd_is_absent_and_comes_back(server, connection):
    async with following(connection, "Application") as applications:
        await assert_comes(lambda: applications.state.status is KindStatus.LIVE)
        crd = server.storage.by_kind("Application")
        others = [r for r in server.storage.resources.values() if r.group == "argoproj.io" and r is not crd]
        for resource in (*others, crd):
            server.storage.withdraw(resource)
        await assert_comes(lambda: held(applications) == {})
        await assert_comes(lambda: applications.state.status is KindStatus.ABSENT)
        server.define(Resource("argoproj.io", "v1alpha1", "applications", "Application", custom=True))
        server.put({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a", "namespace": "argocd"}})
        await assert_comes(lambda: len(held(applications)) == 1 and applications.state.status is KindStatus.LIVE)


@pytest.mark.asyncio
async def test_point_6_an_api_that_is_not_there_is_no_error(server, connection):
    async with following(connection, "Certificate") as certificates:
        await assert_comes(lambda: certificates.state.status is KindStatus.ABSENT)
        assert certificates.state.known_at == 0


@pytest.mark.asyncio
async def test_point_9_an_inconsistent_token_is_not_followed(server, connection):
    server.faults.inconsistent = 1
    async with following(connection) as pods:
        await assert_comes(lambda: pods.state.status is KindStatus.LIVE)
        assert held(pods) == truth(server)
        assert not [line for line in server.requests if "LTE" in line or "InJ2IjotMQ" in line]
        assert any(line.endswith("/api/v1/pods") for line in server.requests)


@pytest.mark.asyncio
async def test_point_10_a_namespace_that_does_not_exist_is_empty(server, connection):
    async with following(connection, namespace="nope") as pods:
        await assert_comes(lambda: pods.state.status is KindStatus.LIVE)
        assert held(pods) == {}


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (429, "Too many requests, please try again later.", {"Retry-After": "0"}),
        (429, "Too many requests", {}),
        (503, "service unavailable\n", {}),
        (500, '{"kind":"Status","message":"resourceVersion: Invalid value","code":500}', {}),
        (504, "gateway time-out", {}),
        (502, "<html>bad gateway</html>", {}),
    ],
)
@pytest.mark.asyncio
async def test_point_11_refusals_in_any_form_are_outlived(server, connection, status, body, headers):
    server.faults.refuse("limit=7", status, body, headers=headers, times=3)
    async with following(connection) as pods:
        await assert_comes(lambda: pods.state.status is KindStatus.LIVE)
        server.faults.refuse("watch=true", status, body, headers=headers, times=4)
        server.end_watches()
        server.put(pod("later"))
        await assert_comes(lambda: held(pods) == truth(server) and pods.state.status is KindStatus.LIVE)


@pytest.mark.asyncio
async def test_point_11_expired_credentials_are_said_and_the_objects_stay(server, connection):
    async with following(connection) as pods:
        await assert_comes(lambda: pods.watches)
        server.faults.unauthorized = True
        server.cut_watches()
        await assert_comes(lambda: pods.state.status is KindStatus.STALE and "expired" in pods.state.message)
        assert held(pods) == truth(server)
        server.faults.unauthorized = False
        await assert_comes(lambda: pods.state.status is KindStatus.LIVE)


@pytest.mark.asyncio
async def test_point_12_a_moment_of_403_after_a_restart_is_not_reported(server, tmp_path):
    async with connected(server, tmp_path, token="alice", namespace="shop") as connection:  # noqa: SIM117
        async with following(connection, namespace="shop") as pods:
            await assert_comes(lambda: pods.state.status is KindStatus.LIVE)
            seen = []
            pods._changed = lambda _: seen.append(pods.state.status)
            server.faults.refuse(
                "GET /api/v1/namespaces/shop/pods", 403, '{"kind":"Status","reason":"Forbidden","code":403}', times=2
            )
            await asyncio.sleep(0.2)
            await assert_comes(lambda: pods.state.status is KindStatus.LIVE and not server.faults.refusals)
            assert KindStatus.DENIED not in seen


@pytest.mark.asyncio
async def test_point_12_crd_paths_that_are_not_installed_yet_are_waited_for(server, connection):
    async with following(connection, "Application") as applications:
        await assert_comes(lambda: applications.watches)
        await server.restart(warming=True)
        await assert_comes(lambda: applications.state.status is KindStatus.STALE)
        assert len(held(applications)) == 2
        server.faults.warming = False
        await assert_comes(lambda: applications.state.status is KindStatus.LIVE)


@pytest.mark.asyncio
async def test_point_13_with_etcd_down_memory_is_shown_as_what_it_is(server, connection):
    server.faults.etcd_down = True
    timing = QUICK.__class__(**{**{name: getattr(QUICK, name) for name in QUICK.__slots__}, "answer": 0.3})
    async with following(connection, timing=timing) as pods:
        await assert_comes(lambda: held(pods))
        assert pods.state.status is KindStatus.STALE and "in memory" in pods.state.message
        server.faults.heal()
        await assert_comes(lambda: pods.state.status is KindStatus.LIVE)


@pytest.mark.asyncio
async def test_point_18_who_may_list_and_not_watch_reads_now_and_then(server, tmp_path):
    async with connected(server, tmp_path, token="alice", namespace="shop") as connection:
        async with following(connection, namespace="shop") as pods:
            await assert_comes(lambda: pods.state.status is KindStatus.LIVE and "not watch" in pods.state.message)
            server.put(pod("new"))
            await assert_comes(lambda: held(pods) == truth(server, namespace="shop"))
        async with following(connection) as everywhere:
            await assert_comes(lambda: everywhere.state.status is KindStatus.DENIED)
            assert held(everywhere) == {} and "alice" in everywhere.state.message


@pytest.mark.asyncio
async def test_a_right_that_is_taken_away_for_good_is_said_and_its_objects_go(server, tmp_path):
    """Watch and list are refused from now on: it must not go on being called live because it once was."""
    async with connected(server, tmp_path, token="admin", namespace="shop") as connection:  # noqa: SIM117
        async with following(connection) as pods:
            await assert_comes(lambda: pods.watches)
            server.users["admin"] = User("admin")
            server.cut_watches()
            await assert_comes(lambda: pods.state.status is KindStatus.DENIED)
            assert held(pods) == {} and pods.state.known_at == 0
            server.users["admin"] = ADMIN
            await assert_comes(lambda: pods.state.status is KindStatus.LIVE and held(pods) == truth(server))


@pytest.mark.asyncio
async def test_secrets_are_read_as_metadata_and_never_held(server, connection):
    server.put(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "data": {"password": "aHVudGVyMg=="}}
    )
    async with following(connection, "Secret") as secrets:
        await assert_comes(lambda: secrets.state.status is KindStatus.LIVE)
        server.put(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "t", "namespace": "shop"},
                "data": {"password": "aHVudGVyMg=="},
            }
        )
        await assert_comes(lambda: len(held(secrets)) == 2)
        assert "aHVudGVyMg" not in repr(dict(secrets._store.snapshot(0).of("Secret")))


@pytest.mark.asyncio
async def test_a_snapshot_does_not_move_and_unchanged_objects_stay_the_same(server, connection):
    async with following(connection) as pods:
        await assert_comes(lambda: pods.watches)
        before = pods._store.snapshot(1)
        server.put(pod("new"))
        await assert_comes(lambda: held(pods) == truth(server))
        after = pods._store.snapshot(2)
        assert ("shop", "new") not in before.of("Pod") and after.version > before.version
        assert all(after.of("Pod")[key] is item for key, item in before.of("Pod").items())
        pods.forget()
        await assert_comes(lambda: pods.lists == 2 and pods.state.status is KindStatus.LIVE)
        assert all(pods._store.snapshot(3).of("Pod")[key] is item for key, item in before.of("Pod").items())


NAMES = st.sampled_from(["a", "b", "c", "d"])
STEPS = st.one_of(
    st.tuples(st.just("put"), NAMES),
    st.tuples(st.just("put"), NAMES),
    st.tuples(st.just("remove"), NAMES),
    st.sampled_from(
        [("cut", ""), ("end", ""), ("stall", ""), ("compact", ""), ("restart", ""), ("warm", ""), ("drop", ""), ("breath", "")]
    ),
    st.tuples(st.just("refuse"), st.sampled_from(["401", "403", "404", "410", "429", "500", "503", "504"])),
    st.just(("inconsistent", "")),
    st.just(("future", "")),
)


async def play(server: ApiServer, reflector: object, step: tuple[str, str]) -> None:
    action, detail = step
    match action:
        case "put":
            server.put(pod(detail))
        case "remove" if ("shop", detail) in server.objects("Pod"):
            server.remove("Pod", "shop", detail)
        case "cut":
            server.cut_watches()
        case "end":
            server.end_watches()
        case "stall":
            server.stall_watches()
        case "compact":
            server.storage.compact()
        case "restart":
            await server.restart()
        case "warm":
            await server.restart(warming=True)
            server.faults.warming = False
        case "drop":
            server.drop_all()
        case "breath":
            await asyncio.sleep(0.02)
        case "inconsistent":
            server.faults.inconsistent += 1
        case "future":
            reflector.revision = reflector.revision and "99999999"
        case "refuse":
            server.faults.refuse("pods", int(detail), "no" if detail in ("429", "503", "404") else "")
    await asyncio.sleep(0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=25))
def test_after_any_faults_the_store_equals_the_servers(steps):
    """Whatever happens on the way, once the faults end the reflector knows exactly what the server has."""

    async def story() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with ApiServer(bookmark_seconds=0.1) as server, connected(server, Path(folder)) as connection:
                for name in "abcxyz":
                    server.put(pod(name))
                async with following(connection, timing=QUICK) as pods:
                    for step in steps:
                        await play(server, pods, step)
                    await assert_comes(lambda: held(pods) == truth(server) and pods.state.status is KindStatus.LIVE)
                    server.put(pod("last"))
                    await assert_comes(lambda: held(pods) == truth(server))

    asyncio.run(story())


def test_every_kind_of_the_issue_is_known():
    named = "Node Namespace Deployment StatefulSet DaemonSet ReplicaSet Job CronJob Pod Service EndpointSlice Ingress "
    named += "HorizontalPodAutoscaler PodDisruptionBudget NetworkPolicy PersistentVolumeClaim Event Application Rollout"
    assert set(named.split()) <= set(KINDS)


@pytest.mark.parametrize("many", [10, 1000])
@pytest.mark.asyncio
async def test_a_large_cache_is_left_out_of_the_search_for_cycles(connection, monkeypatch, many):
    """That search goes through all of it at once, and nothing else runs meanwhile."""
    monkeypatch.setattr("app.cluster.reflector.MANY", many)
    gc.unfreeze()
    try:
        async with following(connection) as reflector:
            await assert_comes(lambda: reflector.state.status is KindStatus.LIVE)
            assert (gc.get_freeze_count() > 0) is (many == 10)
    finally:
        gc.unfreeze()
