"""Rows say what kubectl says: checked against the tables that the real server printed for the same objects."""

from __future__ import annotations

import json

import pytest

from app.cluster.objects import millis
from app.cluster.pods import pod_line
from app.cluster.quantities import age, bytes_text, cpu_text, quantity
from app.cluster.recognition import Program, image_parts, recognise
from app.cluster.workloads import node_line, workload
from app.core.errors import Invalid
from tests.cluster.reading import LISTS, Objects, recorded

TABLES = LISTS.parent / "table"


def table(name):
    body = json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))
    names = [column["name"] for column in body["columnDefinitions"]]
    return [(dict(zip(names, row["cells"], strict=True)), row["object"]) for row in body["rows"]]


def test_pods_of_the_recorded_table_have_the_words_of_the_server():
    """The table came with metadata only; the full objects were listed minutes later, so only what has not moved is compared."""
    later = Objects(recorded()).of("Pod")
    for cells, row in table("pods"):
        line = pod_line(later[row["metadata"]["namespace"], cells["Name"]])
        assert (line.word, f"{line.ready}/{line.total}") == (cells["Status"], cells["Ready"])


def test_nodes_and_deployments_of_the_recorded_table():
    nodes = Objects(recorded()).of("Node")
    for cells, _ in table("nodes"):
        line = node_line(nodes["", cells["Name"]])
        assert (line.word, line.version, ",".join(line.roles) or "<none>") == (cells["Status"], cells["Version"], cells["Roles"])
    deployments = {name: obj for (_, name), obj in Objects(recorded()).of("Deployment").items()}
    for cells, _ in table("deployments"):
        line = workload(deployments[cells["Name"]])
        assert line.updated == cells["Up-to-date"] or cells["Name"] == "web"  # web was scaled between the two


def a_pod(**status):
    containers = [{"name": "main"}, {"name": "side"}]
    inits = [{"name": "first"}, {"name": "proxy", "restartPolicy": "Always"}]
    return {
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"containers": containers, "initContainers": inits},
        "status": status,
    }


def init(**state):
    return {"name": "first", "restartCount": 2, "state": state}


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ({"phase": "Pending", "initContainerStatuses": [init(running={})]}, "Init:0/2"),
        ({"phase": "Pending", "initContainerStatuses": [init(waiting={"reason": "CrashLoopBackOff"})]}, "Init:CrashLoopBackOff"),
        ({"phase": "Pending", "initContainerStatuses": [init(waiting={"reason": "PodInitializing"})]}, "Init:0/2"),
        ({"phase": "Pending", "initContainerStatuses": [init(terminated={"exitCode": 3})]}, "Init:ExitCode:3"),
        ({"phase": "Pending", "initContainerStatuses": [init(terminated={"exitCode": 1, "reason": "Error"})]}, "Init:Error"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        ({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}, "SchedulingGated"),
        (
            {"phase": "Failed", "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 2, "signal": 9}}}]},
            "Signal:9",
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "main", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
                    {"name": "side", "ready": True, "state": {"running": {}}},
                ],
            },
            "NotReady",
        ),
    ],
)
def test_words_of_the_printer(status, word):
    assert pod_line(a_pod(**status)).word == word


def test_a_pod_that_is_deleted_says_so_unless_it_has_ended():
    pod = a_pod(phase="Running")
    pod["metadata"]["deletionTimestamp"] = "2026-11-23T01:00:00Z"
    assert pod_line(pod).word == "Terminating"
    pod["status"] = {"phase": "Succeeded"}
    assert pod_line(pod).word == "Succeeded"
    pod["status"] = {"phase": "Running", "reason": "NodeLost"}
    assert pod_line(pod).word == "Unknown"


def test_what_the_server_leaves_out_is_zero():
    line = workload({"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 2}, "status": {"replicas": 2}})
    assert (line.ready, line.available, line.wanted) == (0, 0, 2)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (27, "27s"),
        (119, "119s"),
        (176, "2m56s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (5 * 3600 + 180, "5h3m"),
        (49 * 3600, "2d1h"),
        (9 * 86400, "9d"),
    ],
)
def test_ages_are_those_of_kubectl(seconds, text):
    now = millis("2026-11-23T01:15:30Z")
    assert age(now - seconds * 1000, now) == text


def test_quantities():
    assert [str(quantity(text)) for text in ("100m", "2", "1.5")] == ["0.100", "2", "1.5"]
    assert [int(quantity(text)) for text in ("1Ki", "1Gi", "1M", "2e3", "5E", ".5k")] == [1024, 2**30, 10**6, 2000, 5 * 10**18, 500]
    for bad in ("", "1 Gi", "1gi", "--1", "x", "1e"):
        with pytest.raises(Invalid):
            quantity(bad)
    assert (cpu_text(quantity("250m")), cpu_text(1.5), bytes_text(quantity("512Mi")), bytes_text(1.5 * 2**30)) == (
        "250m",
        "1.5",
        "512 MiB",
        "1.5 GiB",
    )


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("postgres:17.2", Program.POSTGRESQL),
        ("registry:5000/bitnami/postgresql@sha256:0", Program.POSTGRESQL),
        ("quay.io/prometheuscommunity/postgres-exporter:v0.15", None),
        ("docker.io/valkey/valkey:8", Program.REDIS),
        ("grafana/grafana-oss:11", Program.GRAFANA),
        ("grafana/loki:3", None),
        ("ethereum/client-go:v1.15", Program.RPC_NODE),
        ("ghcr.io/foundry-rs/foundry:v1.3.5", Program.RPC_NODE),
        ("web:1", None),
    ],
)
def test_programs_are_recognised_by_the_name_of_their_image(image, program):
    assert recognise([image]) is program


def test_parts_of_an_image():
    assert image_parts("registry:5000/web") == ("registry:5000/web", "", "")
    assert image_parts("registry:5000/web:1@sha256:ab") == ("registry:5000/web", "1", "sha256:ab")
