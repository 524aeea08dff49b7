"""Which containers have a log, and how long a log is followed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.cluster.logs import LogSource, read_logs, sources_of
from app.cluster.store import Snapshot
from app.cluster.workloads import View
from tests.cluster.conftest import assert_comes, pod


def starting(initialized: str, **init: Any) -> dict[str, Any]:
    """A pod with an init container, a side car and a container of its own."""
    found = pod("a")
    found["spec"]["initContainers"] = [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}]
    found["status"] = {
        "phase": "Pending" if initialized == "False" else "Running",
        "conditions": [{"type": "Initialized", "status": initialized}],
        "initContainerStatuses": [{"name": "migrate", **init}],
    }
    return found


def names(found: dict[str, Any], container: str = "") -> list[str]:
    sources = sources_of(Snapshot.of_objects([found]), "shop", ["a"], container=container)
    return [source.container for source in sources]


def test_the_log_of_a_pod_that_does_not_get_past_its_init_container_is_that_container_s():
    """Nothing else of it has run, and why it does not start is said there."""
    crashed = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}}
    assert names(starting("False", **crashed)) == ["migrate"]
    assert names(starting("True", state={"terminated": {"exitCode": 0}})) == ["main", "proxy"]
    assert names(starting("False", state={"waiting": {"reason": "PodInitializing"}})) == ["main", "proxy"]
    assert names(starting("True"), "migrate") == ["migrate"] and names(starting("True"), "other") == []


def test_what_a_job_of_a_cron_job_or_a_replica_set_controls_are_its_pods():
    def owned(kind: str, name: str, by: tuple[str, str]) -> dict[str, Any]:
        owner = {"kind": by[0], "name": by[1], "controller": True}
        return {"kind": kind, "metadata": {"name": name, "namespace": "shop", "ownerReferences": [owner]}}

    objects = [
        owned("Job", "nightly-1", ("CronJob", "nightly")),
        owned("ReplicaSet", "web-1", ("Deployment", "web")),
        {**pod("n"), **owned("Pod", "n", ("Job", "nightly-1"))},
        {**pod("w"), **owned("Pod", "w", ("ReplicaSet", "web-1"))},
    ]
    view = View(Snapshot.of_objects(objects))
    for key, name in (
        (("Job", "shop", "nightly-1"), "n"),
        (("CronJob", "shop", "nightly"), "n"),
        (("ReplicaSet", "shop", "web-1"), "w"),
        (("Deployment", "shop", "web"), "w"),
    ):
        assert [line.name for line in view.pods_of(key)] == [name]


@pytest.mark.asyncio
async def test_a_container_that_is_started_again_is_followed_again(server, connection, monkeypatch):
    """A crash loop goes on, and so does its log; that of what has ended for good ends."""
    monkeypatch.setattr("app.cluster.logs.PAUSE_SECONDS", 0.01)
    live = server.put(
        {**pod("a"), "status": {"phase": "Running", "containerStatuses": [{"name": "main", "state": {"waiting": {}}}]}}
    )
    line = "2026-11-23T01:11:31.000000000Z first\n"
    server.faults.refuse("GET .*/a/log.*follow=true", 200, line)  # the container ends, and with it the stream
    lines: list[str] = []
    reading = asyncio.create_task(
        read_logs(connection, [LogSource("shop", "a", "main")], lambda found: lines.append(found.text), follow=True)
    )
    await assert_comes(lambda: lines == ["first"])
    server.log("shop", "a", "second", time="2026-11-23T01:11:40.000000000Z")
    running = {"name": "main", "state": {"running": {}}, "restartCount": 1}
    live = server.put({**live, "status": {"phase": "Running", "containerStatuses": [running]}})
    await assert_comes(lambda: lines == ["first", "second"])
    server.put({**live, "status": {"phase": "Succeeded"}})
    server.faults.refuse("GET .*/a/log.*follow=true", 200, "")
    server.drop_all()
    await asyncio.wait_for(reading, 20)
    assert lines == ["first", "second"]
