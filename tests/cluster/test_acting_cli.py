"""The command line changes a cluster: diff, apply, scale, rollout; and the recorded cluster is what it says."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from app.cluster import recorded
from app.cluster.health import assess
from tests.cluster.aside import served
from tests.conftest import ROOT

# A program that was started in the background does not hear Ctrl-C, and neither do its children.
HEARS = f"""
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = sys.argv[1:]
sys.path.insert(0, "{ROOT}")
runpy.run_path(sys.argv[0], run_name="__main__")
"""
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: said, namespace: shop}\ndata: {a: '1'}\n"


@pytest.fixture
def server():
    with served() as found:
        yield found


def test_diff_apply_scale_and_rollout(azora, home, server, tmp_path):
    azora.environ |= {"KUBECONFIG": str(server.kubeconfig(tmp_path / "config")), "AZORA_CLUSTER_GRACE_SECONDS": "0"}
    differs = azora("--json", "cluster", "diff", "-", stdin=CONFIG_MAP, expect=9).json
    assert [(e["subject"], e["before"], e["after"]) for e in differs["effects"]] == [("ConfigMap shop/said", "absent", "created")]
    azora("--yes", "cluster", "apply", "-", stdin=CONFIG_MAP)
    assert server.objects("ConfigMap")["shop", "said"]["data"] == {"a": "1"}
    azora("--yes", "cluster", "scale", "deploy/cart", "--replicas", "3", "-n", "shop")
    assert server.objects("Deployment")["shop", "cart"]["spec"]["replicas"] == 3
    stuck = azora("cluster", "rollout", "status", "deployment/search", "-n", "shop", expect=9)
    assert stuck.out.startswith("stuck")
    assert azora("cluster", "rollout", "status", "search", "-n", "shop", expect=9).out == stuck.out  # the only one of that name
    server.put({**server.objects("Deployment")["shop", "search"], "kind": "StatefulSet"})
    assert "deployment/search, statefulset/search" in azora("cluster", "rollout", "status", "search", "-n", "shop", expect=None).err
    assert "no workload nothing in shop" in azora("cluster", "rollout", "status", "nothing", "-n", "shop", expect=None).err


def test_what_names_no_namespace_is_applied_where_kubectl_would(azora, home, server, tmp_path):
    """The context's own namespace; never another in silence."""
    config = server.kubeconfig(tmp_path / "config", namespace="shop")
    azora.environ |= {"KUBECONFIG": str(config), "AZORA_CLUSTER_GRACE_SECONDS": "0"}
    bare = CONFIG_MAP.replace(", namespace: shop", "")
    (effect,) = azora("--json", "cluster", "diff", "-", stdin=bare, expect=9).json["effects"]
    assert effect["subject"] == "ConfigMap shop/said"
    azora("--yes", "cluster", "apply", "-", stdin=bare)
    azora("--yes", "cluster", "apply", "-", "-n", "payments", stdin=bare)
    assert {namespace for namespace, name in server.objects("ConfigMap") if name == "said"} == {"shop", "payments"}


def test_an_interrupt_while_it_can_be_called_back_calls_it_back(azora, home, server, tmp_path):
    """It would be sent by the next command otherwise, whatever that is."""
    azora.environ |= {"KUBECONFIG": str(server.kubeconfig(tmp_path / "config")), "AZORA_CLUSTER_GRACE_SECONDS": "3600"}
    command = ["--home", str(home), "--yes", "cluster", "scale", "deploy/cart", "--replicas", "5", "-n", "shop"]
    running = subprocess.Popen(
        [sys.executable, "-c", HEARS, str(ROOT / "main.py"), *command],
        env=azora.environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    said = iter(running.stderr)
    assert any("Stop it to call it back" in line for line in said)
    running.send_signal(signal.SIGINT)
    told = "".join(said)
    assert running.wait(60) == 8 and "was called back. Nothing was sent." in told
    (plan,) = azora("--json", "plan", "list").json
    assert plan["state"] == "disowned"
    assert server.objects("Deployment")["shop", "cart"]["spec"]["replicas"] == 2


def test_argo_cd_is_listed_and_a_rollback_that_it_would_undo_is_refused(azora, home, server, tmp_path):
    azora.environ |= {"KUBECONFIG": str(server.kubeconfig(tmp_path / "config")), "AZORA_CLUSTER_GRACE_SECONDS": "0"}
    app = server.objects("Application")["argocd", "shop"]
    server.put({**app, "status": {**app["status"], "history": [{"id": 3, "revision": "0ldc0de"}]}})
    (shop,) = [found for found in azora("--json", "cluster", "argo", "list").json if found["name"] == "shop"]
    assert shop["drift"] == ["Deployment shop/search"] and shop["history"][0]["id"] == 3 and shop["automated"]
    assert "syncs by itself" in azora("--yes", "cluster", "argo", "rollback", "shop", "3", expect=None).err
    plain = azora("--yes", "cluster", "rollout", "weight", "deploy/cart", "20", "-n", "shop", expect=None)
    assert plain.code != 0 and "no other version" in plain.err
    assert not [line for line in server.requests if line.startswith("PATCH")]


def test_the_recorded_cluster_is_whole_and_labelled():
    snapshot = recorded.snapshot()
    health = assess(snapshot, recorded.taken_at())
    assert "not live" in recorded.NAME
    assert not health.healthy and len(health.workloads) > 10
    assert {s.rule for s in health.signals} >= {"pod.crash_loop", "pod.oom", "rollout.stuck", "hpa.limit", "quota.used_up"}
    text = recorded.FILE.read_text(encoding="utf-8")
    assert "managedFields" not in text and len(text) < 400_000
