"""A real Kubernetes control plane of one machine, with nodes that a test plays.

etcd, kube-apiserver, kube-controller-manager and kube-scheduler are the real programs, from a folder that
``AZORA_CONTROL_PLANE`` names (with kubectl beside them). What is missing without containers is the kubelet: :class:`Nodes` plays
it over the same API, so what a node reports is played, and everything that follows from it is real.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import urllib3

from tests.campaigns.certificates import make_certificates
from tests.campaigns.kubelet import Kubelet

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
# Every request as it comes in; what becomes of it is not kept.
AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["ResponseStarted", "ResponseComplete", "Panic"],
    "rules": [{"level": "Metadata"}],
}
DEAD_AFTER = 8  # seconds without a word until a node counts as dead; 40 or 50 by default


def programs() -> dict[str, str]:
    """Where the programs are; those that are missing are left out."""
    folder = os.environ.get("AZORA_CONTROL_PLANE", "")
    found = {name: shutil.which(name, path=folder) if folder else None for name in PROGRAMS}
    found["etcd"] = found["etcd"] or shutil.which("etcd")
    return {name: path for name, path in found.items() if path}


class ControlPlane:
    """The programs, each of which can be killed and started again. Its kubeconfig has one context, ``real``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = programs()
        self.token = secrets.token_hex(16)
        self.port, self._etcd_port, self._peer_port = free_ports(3)
        self.server = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = folder / "kubeconfig"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True)
        make_certificates(folder)
        (folder / "audit.json").write_text(json.dumps(AUDIT))
        (folder / "tokens.csv").write_text(f'{self.token},admin,1,"system:masters"\n')
        self.kubeconfig.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "real",
                    "clusters": [
                        {"name": "real", "cluster": {"server": self.server, "certificate-authority": str(folder / "ca.crt")}}
                    ],
                    "users": [{"name": "admin", "user": {"token": self.token}}],
                    "contexts": [{"name": "real", "context": {"cluster": "real", "user": "admin"}}],
                }
            )
        )

    def __enter__(self) -> ControlPlane:
        self.start("etcd")
        self.start("kube-apiserver")
        self.wait()
        self.start("kube-controller-manager")
        self.start("kube-scheduler")
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(PROGRAMS):
            self.stop(name, signal.SIGKILL)

    def start(self, name: str) -> None:
        """Start a program; its log goes to a file."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [self.programs[name], *self._arguments(name)], stdout=log, stderr=log, cwd=self.folder
            )

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop a program and wait until it is gone; nothing happens when it does not run."""
        process = self._running.pop(name, None)
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(75)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def freeze(self, name: str) -> None:
        """Let a program hang: it holds its connections and answers nothing."""
        self._running[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        self._running[name].send_signal(signal.SIGCONT)

    def wait(self, limit: float = 90.0) -> None:
        """Wait until the API server is ready."""
        end = time.monotonic() + limit
        while self.kubectl("get", "--raw", "/readyz", check=False) != "ok":
            assert time.monotonic() < end, (self.folder / "kube-apiserver.log").read_text()[-3000:]
            time.sleep(0.3)

    def kubectl(self, *arguments: str, check: bool = True, limit: float = 20.0, text: str = "") -> str:
        """What kubectl prints.

        Args:
            text: given on its standard input.
        """
        command = [self.programs["kubectl"], f"--kubeconfig={self.kubeconfig}", f"--request-timeout={limit:.0f}s", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, input=text or None, timeout=limit + 60)
        assert not check or done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def refusal(self, *arguments: str, text: str = "") -> str:
        """What kubectl says on its error output when it fails."""
        command = [self.programs["kubectl"], f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, input=text or None, timeout=60)
        assert done.returncode, f"{arguments} was not refused: {done.stdout}"
        return done.stderr

    def asked(self, agent: str = "azora-console") -> list[tuple[str, str]]:
        """Verb and URI of every request that a program has sent so far, by the API server's own audit log."""
        lines = (self.folder / "audit.log").read_text().splitlines()
        entries = (json.loads(line) for line in lines if line.endswith("}"))
        return [(entry["verb"], entry["requestURI"]) for entry in entries if entry.get("userAgent", "").startswith(agent)]

    def compact(self) -> None:
        """Let etcd forget all history before now, as it does by itself every five minutes."""
        http, etcd = urllib3.PoolManager(), f"http://127.0.0.1:{self._etcd_port}"
        status = http.request("POST", f"{etcd}/v3/maintenance/status", body="{}").json()
        answer = http.request("POST", f"{etcd}/v3/kv/compaction", body=json.dumps({"revision": status["header"]["revision"]}))
        assert answer.status == 200, answer.data

    def rows(self, *arguments: str) -> list[list[str]]:
        """The columns of what ``kubectl get … -A`` prints."""
        lines = self.kubectl("get", *arguments, "--no-headers").splitlines()
        return [re.split(r"\s{2,}", line.strip()) for line in lines if line.strip()]

    def _version(self) -> tuple[int, int]:
        printed = subprocess.run([self.programs["kube-apiserver"], "--version"], capture_output=True, text=True, check=True).stdout
        major, minor = re.findall(r"\d+", printed)[:2]
        return int(major), int(minor)

    def _arguments(self, name: str) -> list[str]:
        key, cert = self.folder / "server.key", self.folder / "server.crt"
        etcd = f"http://127.0.0.1:{self._etcd_port}"
        old = ["--port=0"] if self._version() < (1, 24) else []
        if name == "etcd":
            peer = f"http://127.0.0.1:{self._peer_port}"
            return [
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={etcd}",
                f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
            ]
        if name == "kube-apiserver":
            return [
                f"--etcd-servers={etcd}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.port}",
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--authorization-mode=RBAC",
                f"--token-auth-file={self.folder / 'tokens.csv'}",
                f"--tls-cert-file={cert}",
                f"--tls-private-key-file={key}",
                f"--client-ca-file={self.folder / 'ca.crt'}",
                f"--audit-policy-file={self.folder / 'audit.json'}",
                f"--audit-log-path={self.folder / 'audit.log'}",
                # What another API server behind this one is told of who asks.
                f"--proxy-client-cert-file={self.folder / 'proxy.crt'}",
                f"--proxy-client-key-file={self.folder / 'proxy.key'}",
                f"--requestheader-client-ca-file={self.folder / 'ca.crt'}",
                "--requestheader-allowed-names=front-proxy",
                "--requestheader-username-headers=X-Remote-User",
                "--requestheader-group-headers=X-Remote-Group",
                "--requestheader-extra-headers-prefix=X-Remote-Extra-",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={key}",
                f"--service-account-signing-key-file={key}",
                # Played pods are nobody: they need no token, and no wait for the one that would be made.
                "--disable-admission-plugins=ServiceAccount",
            ]
        shared = [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0", *old]
        if name == "kube-scheduler":
            return shared
        return [
            *shared,
            f"--service-account-private-key-file={key}",
            f"--root-ca-file={self.folder / 'ca.crt'}",
            f"--cert-dir={self.folder}",
            f"--node-monitor-grace-period={DEAD_AFTER}s",
            "--node-monitor-period=1s",
        ]


class Nodes:
    """Plays the kubelets of some nodes: leases, heartbeats, and what becomes of the pods that are bound to them.

    A pod's image says how it goes: ``crash`` and ``oom`` end again and again, ``missing`` cannot be pulled, ``unready`` runs and
    is not ready, ``once`` ends well, everything else runs.
    """

    def __init__(self, plane: ControlPlane, names: tuple[str, ...]) -> None:
        self.names = names
        self.dead: set[str] = set()
        self.failures = 0  # answers that did not come while the control plane was down
        self._plane = plane
        self.kubelet = Kubelet(plane.folder)
        context = ssl.create_default_context(cafile=str(plane.folder / "ca.crt"))
        self._http = urllib3.PoolManager(ssl_context=context, headers={"Authorization": f"Bearer {plane.token}"}, retries=False)
        self._seen: dict[str, float] = {}
        self._beats: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="played nodes", daemon=True)

    def __enter__(self) -> Nodes:
        for name in self.names:
            self._send("POST", "/api/v1/nodes", _node(name, self.kubelet.port))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)
        self.kubelet.stop()

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            # The control plane may be away at any moment, as tests want it; a kubelet just tries again.
            try:
                self._beat()
                for pod in self._send("GET", "/api/v1/pods?resourceVersion=0").get("items") or ():
                    if pod["spec"].get("nodeName") in self.names and pod["spec"]["nodeName"] not in self.dead:
                        self._tend(pod)
            except (urllib3.exceptions.HTTPError, _Refused, ValueError):
                self.failures += 1

    def _beat(self) -> None:
        now = time.monotonic()
        for name in self.names:
            if name in self.dead or now - self._beats.get(name, -99.0) < 2:
                continue
            self._send("PATCH", f"/api/v1/nodes/{name}/status", {"status": {"conditions": [_condition("Ready", True, beat=True)]}})
            lease = {
                "metadata": {"name": name, "namespace": "kube-node-lease"},
                "spec": {"holderIdentity": name, "renewTime": _micro()},
            }
            path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
            try:
                self._send("PATCH", f"{path}/{name}", lease)
            except _Refused:
                self._send("POST", path, {**lease, "apiVersion": "coordination.k8s.io/v1", "kind": "Lease"})
            self._beats[name] = now

    def _tend(self, pod: dict[str, Any]) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        if meta.get("deletionTimestamp"):
            gone = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
            with contextlib.suppress(_Refused):
                self._send("DELETE", path, gone)
            return
        age = time.monotonic() - self._seen.setdefault(meta["uid"], time.monotonic())
        status = _status(pod, age)
        if _told(status) != _told(pod.get("status") or {}):
            with contextlib.suppress(_Refused):
                self._send("PATCH", f"{path}/status", {"metadata": {"uid": meta["uid"]}, "status": status})

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        kind = "application/strategic-merge-patch+json" if method == "PATCH" and "/leases/" not in path else "application/json"
        kind = "application/merge-patch+json" if method == "PATCH" and "/leases/" in path else kind
        answer = self._http.request(
            method,
            self._plane.server + path,
            body=None if body is None else json.dumps(body),
            headers={**self._http.headers, "Content-Type": kind},
            timeout=5.0,
        )
        if answer.status >= 400:
            raise _Refused(f"{method} {path}: {answer.status} {answer.data[:300]!r}")
        return dict(json.loads(answer.data))


class _Refused(Exception):
    """The server answered, and not as wished."""


def _status(pod: dict[str, Any], age: float) -> dict[str, Any]:
    """What a kubelet would report of a pod, ``age`` seconds after it first saw it."""
    statuses = [_container(pod, container, age) for container in pod["spec"]["containers"]]
    ended = all((status["state"].get("terminated") or {}).get("reason") == "Completed" for status in statuses)
    pulled = all("waiting" not in status["state"] or status["restartCount"] for status in statuses)
    ready = all(status["ready"] for status in statuses)
    return {
        "phase": "Succeeded" if ended else "Running" if pulled else "Pending",
        "hostIP": "10.0.0.1",
        "podIP": "10.244.0." + str(2 + int(pod["metadata"]["uid"][:2], 16) % 250),
        "startTime": pod["metadata"]["creationTimestamp"],
        "conditions": [
            _condition("Initialized", True, pod),
            _condition("Ready", ready, pod),
            _condition("ContainersReady", ready, pod),
            _condition("PodScheduled", True, pod),
        ],
        "containerStatuses": statuses,
    }


def _container(pod: dict[str, Any], container: dict[str, Any], age: float) -> dict[str, Any]:
    image, started = container["image"], pod["metadata"]["creationTimestamp"]
    restarts, ready, last = 0, False, {}
    state: dict[str, Any] = {"waiting": {"reason": "ContainerCreating"}}
    if "missing" in image:
        state = {"waiting": {"reason": "ErrImagePull" if int(age / 10) % 2 else "ImagePullBackOff", "message": f"no image {image}"}}
    elif "crash" in image or "oom" in image:
        restarts = 1 + int(age / 10)
        code, reason = (137, "OOMKilled") if "oom" in image else (1, "Error")
        last = {"terminated": {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": started}}
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}}
        if age % 10 < 3:
            state = dict(last)
    elif age < 0.8:
        pass
    elif "once" in image and age > 2:
        state = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": started, "finishedAt": started}}
    else:
        state, ready = {"running": {"startedAt": started}}, "unready" not in image
    return {
        "name": container["name"],
        "image": image,
        "imageID": f"played://{image}",
        "ready": ready,
        "restartCount": restarts,
        "state": {kind: state.get(kind) for kind in ("waiting", "running", "terminated") if state.get(kind)},
        "lastState": last,
    }


def _told(status: dict[str, Any]) -> tuple[Any, ...]:
    """What of a status is worth a report; the node controller takes Ready away while a node is silent."""
    ready = [condition["status"] for condition in status.get("conditions") or () if condition["type"] == "Ready"]
    return status.get("phase"), status.get("containerStatuses"), ready


def _condition(kind: str, holds: bool, pod: dict[str, Any] | None = None, *, beat: bool = False) -> dict[str, Any]:
    now = _second()
    found = {"type": kind, "status": "True" if holds else "False", "lastTransitionTime": now}
    if beat:
        found |= {"lastHeartbeatTime": now, "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    before = next((c for c in ((pod or {}).get("status") or {}).get("conditions") or () if c["type"] == kind), None)
    if before is not None and before["status"] == found["status"] and before.get("lastTransitionTime"):
        found["lastTransitionTime"] = before["lastTransitionTime"]
    return found


def _node(name: str, port: int) -> dict[str, Any]:
    room = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {
            "capacity": room,
            "allocatable": room,
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "conditions": [_condition("Ready", True, beat=True)],
            "nodeInfo": {
                "kubeletVersion": "v1.20.2",
                "architecture": "amd64",
                "bootID": "1",
                "containerRuntimeVersion": "played://1",
                "kernelVersion": "6",
                "kubeProxyVersion": "v1.20.2",
                "machineID": "1",
                "operatingSystem": "linux",
                "osImage": "played",
                "systemUUID": "1",
            },
        },
    }


def _second() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def running(folder: Path, nodes: tuple[str, ...] = ("node-a", "node-b", "node-c")) -> Iterator[tuple[ControlPlane, Nodes]]:
    """A control plane with its nodes."""
    with ControlPlane(folder) as plane, Nodes(plane, nodes) as played:
        yield plane, played
