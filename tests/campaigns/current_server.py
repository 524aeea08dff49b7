"""A real API server of custom resources of the newest Kubernetes, behind an older control plane that passes its group on to it.

``AZORA_CURRENT_SERVER`` names the folder that build_current_server.sh filled. Built-in kinds stay those of the older one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import time
from typing import Any

import urllib3

from tests.campaigns.control_plane import ControlPlane, free_ports

GROUP = "argoproj.io"


def current_programs() -> dict[str, str]:
    """Where the programs are; those that are missing are left out."""
    folder = os.environ.get("AZORA_CURRENT_SERVER", "")
    found = {name: shutil.which(name, path=folder) if folder else None for name in ("apiextensions-apiserver", "etcd", "kubectl")}
    return {name: path for name, path in found.items() if path}


class CurrentServer:
    """The server with an etcd of its own, known to the control plane by an APIService of the group of Argo."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.folder = plane.folder / "current"
        self.folder.mkdir()
        self.port, self._etcd, self._peer = free_ports(3)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        context = ssl.create_default_context(cafile=str(plane.folder / "ca.crt"))
        context.load_cert_chain(plane.folder / "proxy.crt", plane.folder / "proxy.key")
        who = {"X-Remote-User": "admin", "X-Remote-Group": "system:masters"}
        self._http = urllib3.PoolManager(ssl_context=context, headers=who, retries=False)

    def begin(self) -> None:
        """Start both, and let the control plane pass the group on."""
        self.start("etcd")
        self.start("apiextensions-apiserver")
        self.wait()
        register(self.plane, GROUP, "v1alpha1", self.port)

    def end(self) -> None:
        """End both."""
        for name in ("apiextensions-apiserver", "etcd"):
            self.stop(name, signal.SIGKILL)

    def start(self, name: str) -> None:
        """Start a program; its log goes to a file."""
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [current_programs()[name], *self._arguments(name)]
            self._running[name] = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop a program and wait until it is gone."""
        process = self._running.pop(name, None)
        if process is not None:
            process.send_signal(how)
            process.wait(75)

    def freeze(self, name: str) -> None:
        """Let a program hang: it holds its connections and answers nothing."""
        self._running[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        self._running[name].send_signal(signal.SIGCONT)

    def wait(self, limit: float = 60.0) -> None:
        """Wait until it is ready."""
        end = time.monotonic() + limit
        while True:
            try:
                if self.ask("GET", "/readyz") == "ok":
                    return
            except (urllib3.exceptions.HTTPError, AssertionError):
                pass
            assert time.monotonic() < end, (self.folder / "apiextensions-apiserver.log").read_text()[-3000:]
            time.sleep(0.3)

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """What the server itself answers, asked by its administrator."""
        data = None if body is None else json.dumps(body)
        url = f"https://127.0.0.1:{self.port}{path}"
        types = {"Content-Type": kind, "Accept": "application/json"}
        answer = self._http.request(method, url, body=data, headers={**self._http.headers, **types}, timeout=20.0)
        assert answer.status < 400, (method, path, answer.status, answer.data[:500])
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.data.decode()

    def compact(self) -> None:
        """Let its etcd forget all history before now."""
        http, etcd = urllib3.PoolManager(), f"http://127.0.0.1:{self._etcd}"
        status = http.request("POST", f"{etcd}/v3/maintenance/status", body="{}").json()
        answer = http.request("POST", f"{etcd}/v3/kv/compaction", body=json.dumps({"revision": status["header"]["revision"]}))
        assert answer.status == 200, answer.data

    def _arguments(self, name: str) -> list[str]:
        etcd, there = f"http://127.0.0.1:{self._etcd}", self.plane.folder
        if name == "etcd":
            peer = f"http://127.0.0.1:{self._peer}"
            return [
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={etcd}",
                f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
            ]
        return [
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={there / 'server.crt'}",
            f"--tls-private-key-file={there / 'server.key'}",
            f"--kubeconfig={self.plane.kubeconfig}",
            f"--authentication-kubeconfig={self.plane.kubeconfig}",
            f"--authorization-kubeconfig={self.plane.kubeconfig}",
            "--authentication-skip-lookup",
            # What the older control plane cannot tell it, it would wait for.
            "--disable-admission-plugins=ValidatingAdmissionPolicy,MutatingAdmissionPolicy",
            "--enable-priority-and-fairness=false",
            f"--requestheader-client-ca-file={there / 'ca.crt'}",
            "--requestheader-allowed-names=front-proxy",
        ]


def register(plane: ControlPlane, group: str, version: str, port: int) -> None:
    """Let a control plane pass a group and version on to a server of this machine."""
    name = group.replace(".", "-")
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port, "protocol": "TCP"}]},
    }
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}"},
        "spec": {
            "group": group,
            "version": version,
            "service": {"name": name, "namespace": "kube-system", "port": port},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }
    for made in (service, api):
        plane.kubectl("apply", "-f", "-", text=json.dumps(made))
