"""The test API server answers as the recorded one did: status, headers that matter, and the shape of bodies."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.cluster.apiserver import ApiServer
from tests.cluster.apiserver.tables import RECORDED

INDEX = {entry["file"]: entry for entry in json.loads((RECORDED / "index.json").read_text("utf-8"))}
TOKENS = {"admin": "admin", "viewer": "alice", "anonymous": "", "expired": "expired-certificate"}

SAME_BODY = [
    "errors/400-bad-continue.json",
    "errors/400-bad-json.json",
    "errors/400-strict-field.json",
    "errors/401-bad-token.json",
    "errors/401-expired-client-cert.json",
    "errors/403-anonymous.json",
    "errors/403-cluster-list.json",
    "errors/403-create-in-terminating-ns.json",
    "errors/403-list-secrets.json",
    "errors/403-watch-only.json",
    "errors/404-crd-gone.txt",
    "errors/404-no-such-resource-known-group.txt",
    "errors/404-no-such-resource.txt",
    "errors/404-pod.json",
    "errors/405-method.json",
    "errors/406-not-acceptable.json",
    "errors/409-already-exists.json",
    "errors/409-conflict-stale-rv.json",
    "errors/410-list-exact-compacted.json",
    "errors/410-list-exact-rv.json",
    "errors/415-media-type.json",
    "errors/422-invalid.json",
    "errors/422-jsonpatch-test-failed.json",
    "errors/422-rvmatch-without-rv.json",
    "errors/429-evict-pdb.json",
    "errors/500-bad-rv.json",
    "logs/400-bad-container.json",
    "logs/403.json",
    "ssa/1-conflict-409.json",
    "ssa/5-missing-manager-422.json",
    "ssa/8-managedfields-in-body-400.json",
    "ssa/9-stale-rv-409.json",
    "aggregated-api/down-503-discovery.txt",
    "aggregated-api/down-503-metrics.txt",
    "discovery/version.json",
    "lists/deployments.json",
    "lists/events.json",
    "lists/nodes.json",
    "lists/pods.json",
    "lists/services.json",
    "lists/applications.json",
    "pagination/pods-page-1.json",
    "pagination/pods-selector-page-1.json",
    "lists/pods-rv0.json",
]


@pytest_asyncio.fixture
async def server():
    async with ApiServer.recorded() as server:
        yield server


async def replay(server: ApiServer, file: str) -> tuple[int, Any, Any]:
    """The recorded request, asked of the test server: status, headers, body."""
    asked = INDEX[file]["request"]
    headers = dict(asked["headers"])
    token = TOKENS[asked["user"]]
    if token:
        headers.setdefault("Authorization", f"Bearer {token}")
    body = asked.get("body")
    data = body if isinstance(body, str) or body is None else json.dumps(body)
    if data is not None:
        headers.setdefault("Content-Type", "application/json")
    async with (
        aiohttp.ClientSession() as session,
        session.request(asked["method"], server.url + asked["path"], data=data, headers=headers) as response,
    ):
        text = await response.text()
        return response.status, response.headers, json.loads(text) if "json" in response.headers.get("Content-Type", "") else text


def recorded(file: str) -> Any:
    text = (RECORDED / file).read_text("utf-8")
    try:
        return json.loads(text)
    except ValueError:
        return text


def prepare(server: ApiServer, file: str) -> None:
    """What had happened before the request was recorded."""
    if file.startswith("aggregated-api/down"):
        server.faults.metrics_down = True
    if "compacted" in file:
        server.storage.revision = 4300
        server.storage.compact()
    if "terminating" in file:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "doomed"}, "status": {"phase": "Terminating"}})
    if file.startswith("errors/4") or file.startswith("errors/5") or file.startswith("errors/404"):
        server.put(recorded("write/configmap-get.json"))
    if file.startswith("ssa/8"):
        server.put(recorded("ssa/6-create-201.json"))
    if file == "ssa/1-conflict-409.json" or file == "ssa/9-stale-rv-409.json":
        held = recorded("ssa/3-forced-200.json")
        for entry in held["metadata"]["managedFields"]:
            if entry["manager"] == "gitops":
                entry["fieldsV1"]["f:spec"]["f:replicas"] = {}
        held["metadata"]["managedFields"] = [e for e in held["metadata"]["managedFields"] if e["manager"] != "desktop-client"]
        held["spec"]["replicas"] = 2
        server.put(held)
    if file == "errors/429-evict-pdb.json" or file == "logs/403.json":
        pod = (
            next(item for item in recorded("watch/pods-no-rv.ndjson.pod") if item)
            if False
            else dict(next(iter(server.objects("Pod").values())))
        )
        name = INDEX[file]["request"]["path"].split("/")[6]
        labels = {"app": "web"}
        server.put({**pod, "metadata": {"name": name, "namespace": "shop", "labels": labels}})
        for budget in list(server.objects("PodDisruptionBudget").values()):
            status = {"desiredHealthy": 3, "currentHealthy": 3, "disruptionsAllowed": 0}
            server.put({**budget, "status": status, "metadata": {**budget["metadata"]}})


@pytest.mark.parametrize("file", SAME_BODY)
@pytest.mark.asyncio
async def test_the_recorded_request_gets_the_recorded_answer(server, file):
    prepare(server, file)
    status, headers, body = await replay(server, file)
    wanted = INDEX[file]["response"]
    assert status == wanted["status"]
    for name in ("Retry-After", "X-Content-Type-Options"):
        if name in wanted["headers"] and status != 200:
            assert headers.get(name) == wanted["headers"][name]
    assert headers.get("Content-Type", "").partition(";")[0] == wanted["headers"]["Content-Type"].partition(";")[0]
    expected = recorded(file)
    if isinstance(body, dict) and "items" in body:
        for found, item in zip(body["items"], expected["items"], strict=True):
            assert found["metadata"]["name"] == item["metadata"]["name"]
        assert body == expected
    else:
        assert body == expected


@pytest.mark.asyncio
async def test_pages_follow_one_another_as_recorded(server):
    for number in range(1, 6):
        _, _, body = await replay(server, f"pagination/pods-page-{number}.json")
        assert body == recorded(f"pagination/pods-page-{number}.json")


@pytest.mark.asyncio
async def test_an_expired_continue_token_comes_back_with_an_inconsistent_one(server):
    file = "errors/410-continue-expired.json"
    status, _, body = await replay(server, file)
    assert status == 410 and body == recorded(file)
    await replay(server, "pagination/inconsistent-continue.json")


@pytest.mark.parametrize(
    "file", ["watch/410-too-old-rv.ndjson", "watch/410-too-old-rv-bookmarks.ndjson", "watch/410-too-old-rv-table.ndjson"]
)
@pytest.mark.asyncio
async def test_expired_history_is_an_error_event_with_status_200(server, file):
    server.storage.revision = 4238
    server.storage.compact()
    status, headers, body = await replay(server, file)
    assert status == 200 and headers["Content-Type"].startswith("application/json")
    assert body == recorded(file)


@pytest.mark.asyncio
async def test_a_watch_from_the_future_is_silent_and_a_list_is_not(server):
    status, _, body = await replay(server, "errors/504-list-future-rv.json")
    assert status == 504 and body["details"] == recorded("errors/504-list-future-rv.json")["details"]
    asked = INDEX["watch/future-rv.ndjson"]["request"]["path"].replace("timeoutSeconds=10", "timeoutSeconds=1")
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer admin"}) as session,
        session.get(server.url + asked) as response,
    ):
        assert response.status == 200 and await response.read() == b""


@pytest.mark.asyncio
async def test_metadata_only_and_tables_have_the_recorded_form(server):
    for file in ("table/pods-partialmetadata.json", "table/pods.json"):
        status, _, body = await replay(server, file)
        expected = recorded(file)
        assert status == 200 and body["kind"] == expected["kind"]
        if body["kind"] == "Table":
            assert body["columnDefinitions"] == expected["columnDefinitions"]
            assert [row["cells"][:3] for row in body["rows"]] == [row["cells"][:3] for row in expected["rows"]]
            assert body["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
        else:
            assert body["items"][0].keys() == expected["items"][0].keys()


@pytest.mark.asyncio
async def test_leaving_a_selector_is_deleted_with_the_old_labels(server):
    path = "/api/v1/namespaces/shop/pods?watch=true&timeoutSeconds=1&labelSelector=app%3Dcart&resourceVersion="
    (namespace, name), pod = next(
        item for item in server.objects("Pod").items() if item[1]["metadata"]["labels"].get("app") == "cart"
    )
    before = server.storage.revision
    server.put({**pod, "metadata": {**pod["metadata"], "labels": {"app": "other"}}})
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer admin"}) as session:  # noqa: SIM117
        async with session.get(f"{server.url}{path}{before}") as response:
            event = json.loads(await response.read())
    sample = [json.loads(line) for line in (RECORDED / "watch/pods-label-selector-leave.ndjson").read_text().splitlines()]
    left = next(item for item in sample if item["type"] == "DELETED")
    assert (
        event["type"] == "DELETED"
        and event["object"]["metadata"]["labels"]["app"] == "cart" == left["object"]["metadata"]["labels"]["app"]
    )
    assert event["object"]["metadata"]["resourceVersion"] == str(server.storage.revision)
    assert (namespace, name) in server.objects("Pod")


@pytest.mark.asyncio
async def test_apply_moves_ownership_as_recorded(server):
    """Forced apply, the same again, a field dropped: what the recorded server answered, field for field."""
    prepare(server, "ssa/1-conflict-409.json")
    _, _, preview = await replay(server, "ssa/2-dryrun-force-200.json")
    assert server.objects("Deployment")[("shop", "cart")]["spec"]["replicas"] == 2
    _, _, forced = await replay(server, "ssa/3-forced-200.json")
    expected = recorded("ssa/3-forced-200.json")
    assert preview["spec"] == forced["spec"] == expected["spec"]
    owned = lambda body: {(e["manager"], e["operation"]): e["fieldsV1"] for e in body["metadata"]["managedFields"]}  # noqa: E731
    assert owned(forced)[("gitops", "Apply")] == owned(expected)[("gitops", "Apply")]
    assert owned(forced)[("desktop-client", "Apply")] == owned(expected)[("desktop-client", "Apply")]
    _, _, again = await replay(server, "ssa/4-noop-200.json")
    assert again["metadata"]["resourceVersion"] == forced["metadata"]["resourceVersion"]
    status, _, made = await replay(server, "ssa/6-create-201.json")
    assert status == 201 and made["data"] == {"a": "1", "b": "2"}
    assert (
        made["metadata"]["managedFields"][0]["fieldsV1"]
        == recorded("ssa/6-create-201.json")["metadata"]["managedFields"][0]["fieldsV1"]
    )
    _, _, dropped = await replay(server, "ssa/7-drop-field-200.json")
    assert dropped["data"] == recorded("ssa/7-drop-field-200.json")["data"]


@pytest.mark.asyncio
async def test_writes_answer_as_recorded(server):
    _, _, scale = await replay(server, "write/scale-get.json")
    expected = recorded("write/scale-get.json")
    assert (scale["kind"], scale["spec"].keys(), scale["status"]["selector"]) == ("Scale", expected["spec"].keys(), "app=cart")
    _, _, scaled = await replay(server, "write/scale-patch.json")
    assert scaled["spec"] == recorded("write/scale-patch.json")["spec"]
    status, _, restarted = await replay(server, "write/restart-patch-200.json")
    stamp = restarted["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
    assert status == 200 and stamp == "2026-11-23T01:20:00Z"
    server.put(recorded("ssa/6-create-201.json"))
    _, _, gone = await replay(server, "write/delete-configmap-200.json")
    assert {**gone, "details": {**gone["details"], "uid": ""}} == {
        **recorded("write/delete-configmap-200.json"),
        "details": {"name": "ssa-new", "kind": "configmaps", "uid": ""},
    }


@pytest.mark.asyncio
async def test_an_unknown_field_is_a_warning_and_dry_run_stores_nothing(server):
    file = "errors/201-warning-header.json"
    status, headers, body = await replay(server, file)
    assert status == 201 and body["metadata"]["name"] == "x"
    assert headers["Warning"] == INDEX[file]["response"]["headers"]["Warning"]
    assert ("shop", "x") not in server.objects("ConfigMap")


@pytest.mark.asyncio
async def test_access_reviews_tell_list_and_watch_apart(server):
    for file, allowed in (("auth/ssar-allowed.json", True), ("auth/ssar-denied.json", False)):
        status, _, body = await replay(server, file)
        assert status == 201 and body["status"]["allowed"] is allowed is recorded(file)["status"]["allowed"]
    status, _, who = await replay(server, "auth/selfsubjectreview.json")
    assert who["status"]["userInfo"]["username"] == "alice"
