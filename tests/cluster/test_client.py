"""What a server says reaches the reader as sentences, with what it said kept beside."""

from __future__ import annotations

import json

import aiohttp
import pytest

from app.cluster.client import Connection
from app.cluster.contexts import find_contexts
from app.cluster.discovery import discover
from app.cluster.failures import ApiConflict, ApiDenied, ApiInvalid, ApiNotFound, ApiUnavailable, error_of, read_failure
from tests.cluster.apiserver.tables import RECORDED
from tests.cluster.test_apiserver import prepare

CART = "/apis/apps/v1/namespaces/shop/deployments/cart"
APPLY = {"content_type": "application/apply-patch+yaml"}
WANTED = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart"}, "spec": {"replicas": 3}}


@pytest.mark.asyncio
async def test_point_17_an_apply_conflict_names_manager_and_field(server, connection):
    prepare(server, "ssa/1-conflict-409.json")
    query = {"fieldManager": "azora"}
    with pytest.raises(ApiConflict, match="gitops") as caught:
        await connection.request("PATCH", CART, query=query, body=WANTED, **APPLY)
    (cause,) = caught.value.failure.causes
    assert (cause.reason, cause.field) == ("FieldManagerConflict", ".spec.replicas") and caught.value.failure.owned_by_others
    preview = await connection.request("PATCH", CART, query={**query, "force": "true", "dryRun": "All"}, body=WANTED, **APPLY)
    assert preview.body["spec"]["replicas"] == 3
    assert server.objects("Deployment")[("shop", "cart")]["spec"]["replicas"] == 2


@pytest.mark.asyncio
async def test_point_17_a_stale_version_is_another_conflict(server, connection):
    prepare(server, "ssa/1-conflict-409.json")
    late = {**WANTED, "metadata": {"name": "cart", "resourceVersion": "1"}}
    with pytest.raises(ApiConflict) as caught:
        await connection.request("PATCH", CART, query={"fieldManager": "azora"}, body=late, **APPLY)
    assert not caught.value.failure.owned_by_others and caught.value.retryable


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "body", "kind", "retry_after"),
    [
        (404, "404 page not found\n", ApiNotFound, None),
        (503, "service unavailable\n", ApiUnavailable, None),
        (429, "Too many requests, please try again later.", ApiUnavailable, 1.0),
        (403, '{"kind":"Status","reason":"Forbidden","message":"no","code":403}', ApiDenied, None),
        (422, '{"kind":"Status","reason":"Invalid","message":"spec: Required value","code":422}', ApiInvalid, None),
        (500, '{"kind":"Status","message":"strconv.ParseUint","code":500}', ApiUnavailable, None),
        (504, '{"kind":"Status","reason":"Timeout","details":{"retryAfterSeconds":2},"code":504}', ApiUnavailable, 2.0),
    ],
)
async def test_point_11_bodies_in_any_form_become_errors_of_ours(server, connection, status, body, kind, retry_after):
    headers = {"Retry-After": "1"} if status == 429 else {}
    server.faults.refuse("GET /api/v1/pods", status, body, headers=headers)
    with pytest.raises(kind) as caught:
        await connection.get("/api/v1/pods")
    assert caught.value.failure.status == status and caught.value.failure.retry_after == retry_after
    assert caught.value.message.endswith(".")


PORTAL = "<!DOCTYPE html><html><head><title>Sign in &amp; go on</title></head><body>" + "x" * 5000 + "</body></html>"


@pytest.mark.asyncio
async def test_a_page_of_the_web_is_no_answer_of_a_cluster(server, connection):
    """A proxy's sign-in page comes with status 200 or another; it is neither an empty cluster nor a change that was made."""
    server.faults.refuse(".*", 200, PORTAL, content_type="text/html; charset=utf-8", times=4)
    for method in ("GET", "PATCH", "DELETE"):
        with pytest.raises(ApiUnavailable, match="page of the web"):
            await connection.request(method, CART, body={}, **APPLY)
    with pytest.raises(ApiUnavailable, match="page of the web"):
        await connection.identity()
    server.faults.refuse(".*", 502, PORTAL, content_type="text/html")
    with pytest.raises(ApiUnavailable, match="Sign in & go on") as caught:
        await connection.get(CART)
    assert len(str(caught.value)) < 400


@pytest.mark.asyncio
async def test_warnings_of_the_server_are_kept(connection):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "dataa": {}}
    answer = await connection.request("POST", "/api/v1/namespaces/shop/configmaps", query={"dryRun": "All"}, body=body)
    assert answer.warnings == ('unknown field "dataa"',)


@pytest.mark.asyncio
async def test_point_14_an_api_without_its_backend_is_stale_and_not_absent(server, connection):
    found = await discover(connection)
    assert found.find("Deployment").subresources >= {"scale"} and found.stale == ()
    server.faults.metrics_down = True
    assert (await discover(connection)).stale == ("metrics.k8s.io/v1beta1",)


@pytest.mark.asyncio
async def test_discovery_of_an_older_server_goes_group_by_group(server, connection, monkeypatch):
    monkeypatch.setattr("app.cluster.discovery.AGGREGATED", "application/json")
    server.faults.metrics_down = True
    found = await discover(connection)
    assert found.find("Deployment").kind.path("shop", "web") == "/apis/apps/v1/namespaces/shop/deployments/web"
    assert found.find("Pod").kind.namespaced and found.stale == ("metrics.k8s.io/v1beta1",)


@pytest.mark.asyncio
async def test_a_real_answer_of_discovery_is_read(server, connection):
    for name in ("api", "apis"):
        text = (RECORDED / "discovery" / f"{name}-aggregated.json").read_text("utf-8")
        server.faults.refuse(f"GET /{name}$", 200, text, content_type="application/json;g=apidiscovery.k8s.io")
    found = await discover(connection)
    assert {"Pod", "Deployment", "Application", "HorizontalPodAutoscaler"} <= {served.kind.kind for served in found.resources}
    assert found.find("HorizontalPodAutoscaler").kind.version == "v2" and not found.find("Node").kind.namespaced


@pytest.mark.asyncio
async def test_point_7_columns_come_with_the_first_event_of_a_table_watch(server):
    accept = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1,application/json", "Authorization": "Bearer admin"}
    url = f"{server.url}/api/v1/namespaces/shop/pods?watch=true&timeoutSeconds=1"
    async with aiohttp.ClientSession(headers=accept) as session, session.get(url) as response:
        first, *others = [json.loads(line)["object"]["columnDefinitions"] for line in (await response.text()).splitlines()]
    assert first and others and not any(others)


@pytest.mark.asyncio
async def test_point_8_remaining_items_are_not_told_with_a_selector_and_version_0_ignores_the_limit(connection):
    plain = await connection.get("/api/v1/pods", {"limit": "3"})
    chosen = await connection.get("/api/v1/pods", {"limit": "3", "labelSelector": "app=web"})
    cached = await connection.get("/api/v1/pods", {"limit": "3", "resourceVersion": "0"})
    assert plain["metadata"]["remainingItemCount"] == 42 and "remainingItemCount" not in chosen["metadata"]
    assert len(cached["items"]) == 45 and "continue" not in cached["metadata"]


@pytest.mark.asyncio
async def test_errors_never_carry_a_credential(server, tmp_path):
    path = server.kubeconfig(tmp_path / "c", token="hunter2")
    connection = Connection(find_contexts({"KUBECONFIG": str(path), "HOME": "/"}).get("test"))
    with pytest.raises(ApiDenied) as caught:
        await connection.get("/api/v1/pods")
    shown = (caught.value, caught.value.failure, connection, connection._context)
    assert "hunter2" not in repr(shown) + str(caught.value)
    await connection.close()


def test_a_404_that_lists_every_path_is_not_repeated_word_for_word():
    """Servers answer an unknown path with all that they know, as JSON."""
    failure = read_failure(404, json.dumps({"paths": ["/apis"] * 900}).encode())
    assert str(error_of(failure, "c", "GET /x")) == "The cluster c does not have it (GET /x): status 404. Nothing was done."
    assert read_failure(502, b'{"message": "no backend"}').message == "no backend"
