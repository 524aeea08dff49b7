"""What the top bar and the status bar say: chain, store, clusters, keyring, jobs, journal, and what is being done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ui.shell.window import MainWindow


class Bars:
    """Reads the console and fills the window's two bars."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._busy: list[str] = []

    def refresh(self) -> None:
        """Networks, marks of the demo, and the status."""
        if self._window.console_ready:
            networks = self._window.bridge.console.networks
            self._window.top.show_networks(networks.list(), networks.current)
            for panel in self._window.panels():
                panel.header.set_demo(self._window.is_demo())
            self.refresh_status()

    def refresh_status(self) -> None:
        """Ask chain, store and keyring how they are."""
        if not self._window.console_ready:
            return
        console = self._window.bridge.console

        async def look() -> tuple[Any, Any, Any, Any]:
            current = console.networks.current
            network = await console.networks.status(current.id) if current is not None else None
            # Only who has looked at clusters has loaded what speaks to them.
            clusters = console.clusters if "clusters" in vars(console) else None
            reaches = {name: clusters.reach(name) for name in clusters.connected} if clusters is not None else {}
            return network, await console.database.status(), await console.vault.state(), reaches

        self._window.bridge.run(look, then=self._show_status, fail=lambda _: True, owner=self._window)

    def _show_status(self, answer: tuple[Any, Any, Any, Any]) -> None:
        network, store, keyring, reaches = answer
        self._window.status.set("cluster", *_clusters(reaches))
        if network is None:
            self._window.status.set("chain", "idle", "Chain  not set")
        else:
            from app.core.clock import now_ms

            self._window.top.show_status(network, now_ms() // 1000 - network.block_time)
            words = f"Chain  {_ms(network.latency_ms)}" if not network.problem else "Chain  not reachable"
            self._window.status.set("chain", "err" if network.problem else "ok", words, network.problem)
        self._window.status.set("database", "ok", f"Database  {_ms(store.latency_ms)}", f"{store.dialect}, schema {store.revision}")
        state = {"available": ("ok", "available"), "locked": ("warn", "locked by the system")}.get(
            keyring.state.value, ("err", "not available")
        )
        words = f"Keyring  {state[1]}" + (", ephemeral" if keyring.ephemeral else "")
        if self._window.bridge.console.access.operator.role.value == "auditor":
            state, words = ("idle", ""), "Keyring  not used by this role"
        self._window.status.set("keyring", state[0], words, keyring.why)

    def follow(self, part: str) -> None:
        """Go where a part of the status bar leads."""
        places = {
            "chain": ("settings", {"section": "networks"}),
            "database": ("overview", {}),
            "cluster": ("cluster", {}),
            "keyring": ("settings", {"section": "security"}),
        }
        panel, arguments = places.get(part, ("jobs", {}) if part == "jobs" else ("overview", {}))
        self._window.open(panel, **arguments)  # type: ignore[arg-type]

    def show_jobs(self) -> None:
        """What runs now."""
        if self._window.console_ready:
            self._window.status.set_jobs(self._window.bridge.console.jobs.list())

    def show_journal(self) -> None:
        """The newest entry of the journal."""
        if not self._window.console_ready:
            return
        journal = self._window.bridge.console.journal

        def show(head: Any) -> None:
            words = f"Journal {head.sequence:,}  {head.entry_hash[:4]}…{head.entry_hash[-4:]}" if head else "Journal empty"
            self._window.status.set("journal", "ok" if head else "idle", words)

        self._window.bridge.run(lambda: journal.head(), then=show, fail=lambda _: True, owner=self._window)

    def show_busy(self, label: str, begins: bool) -> None:
        """Say what the bridge is doing, the newest call first."""
        if begins:
            self._busy.append(label)
        elif label in self._busy:
            self._busy.remove(label)
        if self._busy:
            self._window.status.parts["jobs"].setText(self._busy[-1])
        else:
            self.show_jobs()


def _clusters(reaches: Mapping[str, Any]) -> tuple[str, str, str]:
    """State, words and tooltip for the clusters that are followed: the one with its latency, or how many answer."""
    told = {True: "answers", False: "does not answer", None: "is asked"}
    tip = "\n".join(f"{name} {told[reach.answers]}. {reach.message}".strip() for name, reach in reaches.items())
    silent = sum(reach.answers is False for reach in reaches.values())
    answering = sum(reach.answers is True for reach in reaches.values())
    state = "err" if silent and not answering else "warn" if silent else "ok" if answering else "idle"
    if not reaches:
        return state, "Cluster  not connected", "No cluster is followed yet. The Cluster panel connects those of the kubeconfig."
    if len(reaches) == 1:
        (name, reach) = next(iter(reaches.items()))
        how = {True: _ms(reach.latency_ms), False: "refuses" if reach.refused else "no answer", None: "asking"}[reach.answers]
        return state, f"Cluster  {name[:24]} {how}", tip
    return state, f"Clusters  {answering} of {len(reaches)} answer", tip


def _ms(latency: float) -> str:
    return f"{latency:.0f} ms" if latency >= 1 else "<1 ms"
