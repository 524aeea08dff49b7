"""The fleet and the page of one cluster behind two tabs; what is chosen stays while figures come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QStackedWidget

from app.core.clock import now_ms
from app.core.errors import ConsoleError
from app.core.events import ClusterChanged, PlanChanged
from ui.panels.cluster.fleet import FleetPage
from ui.panels.cluster.forms import AddForm, ApplyForm
from ui.panels.cluster.page import ClusterPage
from ui.panels.cluster.reading import Page, read_page
from ui.panels.cluster.tunnels import TunnelPage
from ui.panels.cluster.verbs import OF_APPLICATIONS, OF_NODES, VERBS, Verbs
from ui.shell.panel import Panel
from ui.widgets import BadgeLabel, Segmented, button
from ui.widgets.values import moment

if TYPE_CHECKING:
    from ui.panels.cluster.reading import Key

NARROW, SIDE = 1160, 1010  # pixels: below, the header is short; below, the right side is hidden
CALM_MS = 500  # between two readings, whatever the cluster does
ALL = "All namespaces"


class ClusterPanel(Panel):
    """Fleet first; then one cluster. Every change opens the plan sheet."""

    id = "cluster"
    title = "Cluster"
    stale_on = (ClusterChanged, PlanChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self.context = ""
        self._namespace = ""
        self._chosen: Key | None = None
        self._page: Page | None = None
        self._connected = False
        self._reading = False
        self._again = False
        self._words = ""
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM_MS)
        self._calm.timeout.connect(self._calmed)
        self.tabs = Segmented([("fleet", "Fleet"), ("cluster", "Cluster"), ("tunnels", "Tunnels")])
        self.tabs.setObjectName("cluster.tabs")
        self.tabs.changed.connect(lambda _tab: self._choose_tab())
        self.header.add_widget(self.tabs)
        self.contexts = QComboBox()
        self.contexts.setObjectName("cluster.context")
        self.contexts.setAccessibleName("Context")
        self.contexts.setMinimumWidth(190)
        self.contexts.activated.connect(lambda _i: self.show_cluster(str(self.contexts.currentData() or "")))
        self.badge = BadgeLabel("local")
        self.namespaces = QComboBox()
        self.namespaces.setObjectName("cluster.namespace")
        self.namespaces.setAccessibleName("Namespace")
        self.namespaces.activated.connect(lambda _i: self._set_namespace())
        for widget in (self.contexts, self.badge, self.namespaces):
            self.header.add_widget(widget)
        self.add_button = self.header.add_action("cluster.add")
        self.apply_button = self.header.add_action("cluster.apply")
        self.scale_button = self.header.add_action("cluster.scale")
        self.verbs = Verbs(self)
        self.more = button("Roll out…", icon="rocket-launch")
        self.more.setObjectName("cluster.more")
        self.more.clicked.connect(lambda: self.verbs.open_menu(self.more))
        self.header.add_widget(self.more)
        self.stack = QStackedWidget()
        self.fleet = FleetPage(self)
        self.fleet.opened.connect(self.show_cluster)
        self.fleet.found.connect(self._show_found)
        self.page = ClusterPage(self)
        self.page.chosen.connect(self.choose)
        self.page.side.asked.connect(self.ask)
        self.page.side.suggested.connect(self.follow)
        self.page.looking.enlarged.connect(self._enlarge)
        self.tunnels = TunnelPage(self)
        for shown in (self.fleet, self.page, self.tunnels):
            shown.setMinimumWidth(1)  # a page that insists on its width would be cut off below an open sheet
            self.stack.addWidget(shown)
        self.body.addWidget(self.stack, 1)
        self._choose_tab()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Beside an open sheet there is no room for everything: two buttons go into the menu, the right side makes way."""
        narrow = self.width() < NARROW
        cluster = self.tabs.value() == "cluster"
        for made in (self.apply_button, self.scale_button):
            made.setVisible(cluster and not narrow)
        self.namespaces.setVisible(cluster and self.width() >= SIDE)
        self.namespaces.setMinimumWidth(70 if narrow else 140)
        self.page.set_narrow(narrow)
        self.page.side.setVisible(self.width() >= SIDE and not self.page.enlarged)
        self.contexts.setMinimumWidth(80 if narrow else 190)
        self.contexts.setMaximumWidth(170 if narrow else 320)
        self.header.set_context("" if narrow else self._words)

    def _enlarge(self, enlarged: bool) -> None:
        self.page.set_enlarged(enlarged)
        self._fit()

    # reading

    def _mark(self, event: object) -> None:
        """Clusters change all the time: a reading follows at most every half second."""
        self._stale = True
        if self.isVisible() and not self._calm.isActive():
            self._calm.start()

    def _calmed(self) -> None:
        if self._stale and self.isVisible():
            self._freshen()

    def refresh(self) -> None:
        if self.tabs.value() == "tunnels":
            self.tunnels.refresh()
        if self._reading:
            self._again = True
            return
        self._reading = True
        context, namespace, chosen, fleet = self.context, self._namespace, self._chosen, self.tabs.value() != "cluster"
        first, self._connected = not self._connected, True

        async def read() -> tuple[Any, ...]:
            import asyncio

            console = self.bridge.console
            clusters = console.clusters
            found = clusters.contexts()
            if first:
                for known in found.all:
                    console.jobs.quietly(f"connect {known.name}", lambda name=known.name: clusters.connect(name))  # type: ignore[misc]
            names = tuple(known.name for known in found.all)
            if fleet:
                return names, (await clusters.fleet(), found.problems), None
            return names, None, await self._read_page(clusters, context, namespace, chosen, asyncio.to_thread) if context else None

        self.bridge.run(read, then=self._show, fail=self._failed, owner=self)

    async def _read_page(self, clusters: Any, context: str, namespace: str, chosen: Key | None, aside: Any) -> Page:
        from app.cluster import recorded
        from app.cluster.access import Access
        from app.cluster.health import assess

        if context == recorded.NAME:
            now = recorded.taken_at()
            snapshot = await aside(recorded.snapshot)
            health = await aside(assess, snapshot, now)
            note = "This is a recorded cluster, not a live one: nothing here changes, and nothing can be changed."
            facts = {"environment": "test", "read_only": True, "live": False, "version": "v1.36.2, recorded", "note": note}
            facts |= {"context": context, "known_at": now, "access": Access()}
            return await aside(read_page, snapshot, health, facts, namespace, chosen, now)
        snapshot, reach, now = clusters.snapshot(context), clusters.reach(context), now_ms()
        health = await clusters.health(context)
        note = ""
        if reach.answers is False:
            known = f"What is shown is from {moment(snapshot.known_at)}." if snapshot.known_at else "Nothing of it is known yet."
            note = f"{reach.message} {known} Plans for it are blocked."
        elif reach.answers is None:
            note = f"Reading {context}…"
        else:
            note = clusters.remarks(context)
        facts = {
            "context": context,
            "environment": clusters.environment(context).value,
            "read_only": clusters.read_only(context),
            "live": True,
            "answers": reach.answers,
            "version": reach.version,
            "note": note,
            "known_at": snapshot.known_at,
            "access": clusters.access(context),
        }

        return await aside(read_page, snapshot, health, facts, namespace, chosen, now)

    def _failed(self, _error: ConsoleError) -> bool:
        self._reading = False
        return False

    def _show(self, answer: tuple[Any, ...]) -> None:
        self._reading = False
        names, fleet, page = answer
        self._fill_contexts(names)
        self.tabs.set_text("fleet", f"Fleet {len(names)}" if names else "Fleet")
        if fleet is not None:
            self.fleet.show_fleet(*fleet, now_ms())
            self._words = ""
            self._fit()
        if page is not None and page.context == self.context:
            self._page = page
            self._show_page(page)
        if self._again:
            self._again = False
            self.refresh()

    def _show_page(self, page: Page) -> None:
        self.badge.set_environment(page.environment)
        worst = [s for s in page.health.signals if s.severity.rank >= 2]
        nothing = "Nothing to report" if page.known_at else "Not read yet"
        self._words = f"{len(worst)} signals to look at" if worst else nothing
        self._fit()
        known = [self.namespaces.itemData(i) for i in range(self.namespaces.count())]
        if known != ["", *page.namespaces]:
            self.namespaces.clear()
            self.namespaces.addItem(ALL, "")
            for name in page.namespaces:
                self.namespaces.addItem(name, name)
            self.namespaces.setCurrentIndex(max(0, self.namespaces.findData(self._namespace)))
        for made, verb in ((self.apply_button, "apply"), (self.scale_button, "scale")):
            reason = self.why_not(verb)
            made.setEnabled(not reason)
            made.setToolTip(reason)
        self.more.setEnabled(page.live)
        self.more.setToolTip(self.why_not())
        self.page.show_page(page)

    def _fill_contexts(self, names: tuple[str, ...]) -> None:
        from app.cluster.recorded import NAME

        wanted = [*names, NAME] if not names or self.context == NAME else list(names)
        if [self.contexts.itemData(i) for i in range(self.contexts.count())] != wanted:
            self.contexts.clear()
            for name in wanted:
                self.contexts.addItem(name, name)
        self.contexts.setCurrentIndex(self.contexts.findData(self.context))

    # moving

    def _choose_tab(self) -> None:
        cluster = self.tabs.value() == "cluster"
        self.stack.setCurrentWidget({"cluster": self.page, "tunnels": self.tunnels}.get(self.tabs.value(), self.fleet))
        for widget in (self.contexts, self.badge, self.namespaces, self.more):
            widget.setVisible(cluster)
        self._fit()
        self.add_button.setVisible(self.tabs.value() == "fleet")
        if cluster and not self.context:
            self.context = str(self.fleet.table.selected_id() or self.contexts.itemData(0) or "")
        if self.bridge.is_ready:
            self.refresh()

    def show_cluster(self, context: str) -> None:
        """Show the page of a cluster."""
        if context != self.context:
            self.context, self._namespace, self._chosen, self._page = context, "", None, None
        self.tabs.set_value("cluster")
        self._choose_tab()

    def explore(self) -> None:
        """Show the recorded cluster."""
        from app.cluster.recorded import NAME

        self.show_cluster(NAME)

    def connect_all(self) -> None:
        """Follow every context that is known now."""
        self._connected = False
        self.refresh()

    def choose(self, key: Any) -> None:
        """Look closer at a workload, a pod or what hangs together with it."""
        self._chosen = tuple(key) if key else None
        self.refresh()

    def _show_found(self, context: str, kind: str, namespace: str, name: str) -> None:
        self.show_cluster(context)
        self.choose((kind, namespace, name))

    def _set_namespace(self) -> None:
        self._namespace = str(self.namespaces.currentData() or "")
        self.refresh()

    # changing

    @property
    def reading(self) -> Page | None:
        """The reading that is shown."""
        return self._page

    @property
    def chosen(self) -> Key | None:
        """What is chosen."""
        return self._chosen

    def why_not(self, verb: str = "") -> str:
        """Why nothing may be changed on the shown cluster, or not this verb on the chosen object; or empty."""
        return self.verbs.why_not(verb)

    def ask(self, verb: str) -> None:
        """A verb on what is chosen."""
        self.verbs.ask(verb)

    def follow(self, action: str, arguments: dict[str, str]) -> None:
        """Go where a signal's suggestion leads: to the object, and there to its log, its form, or the plan's preview."""
        self._chosen = key = (arguments.get("kind", ""), arguments.get("namespace", ""), arguments.get("name", ""))
        looking = self.page.looking
        self.refresh()
        if action == "cluster.logs":
            looking.previous.setChecked(arguments.get("previous") == "true")
            looking.show_tab("logs")
        elif action in ("cluster.object", "cluster.node", "cluster.topology", "cluster.workload", "cluster.application"):
            looking.show_tab("yaml" if action == "cluster.object" else "related")
        else:
            self.verbs.follow(action, key)

    def open(self, **arguments: Any) -> None:
        """Follow a link: ``context``, ``kind``, ``namespace`` and ``name`` choose; ``ref`` or ``form`` name what to do there."""
        if arguments.get("context"):
            self.show_cluster(str(arguments["context"]))
        if arguments.get("name") and arguments.get("kind"):
            self.tabs.set_value("cluster")
            self._choose_tab()
            self.choose((str(arguments["kind"]), str(arguments.get("namespace", "")), str(arguments["name"])))
        match str(arguments.get("form") or arguments.get("ref") or ""):
            case "add":
                self.window_.open_form(AddForm(self))
            case "apply":
                if why := self.why_not("apply"):
                    self.window_.notify(f"{why} Nothing was planned.", "warn")
                else:
                    home = self.bridge.console.clusters.contexts().get(self.context).namespace
                    self.window_.open_form(ApplyForm(self, self._namespace or home))
            case verb if verb in (*VERBS, *OF_APPLICATIONS, *OF_NODES):
                self.ask(verb)
            case "namespaces":
                self.verbs.ask_namespaces()
            case "logs" | "yaml" | "usage" | "run" | "query" | "topology" | "object" as tab:
                self.tabs.set_value("cluster")
                self._choose_tab()
                self.page.looking.show_tab("related" if tab in ("topology", "object") else tab)
            case "enlarge":
                self.page.looking.enlarge.toggle()
            case "zoom in" | "zoom out" | "fit" as how:
                self.page.looking.topology.zoom(how)
            case "tunnels":
                self.tabs.set_value("tunnels")
                self._choose_tab()

    def state(self) -> dict[str, Any]:
        return {"tab": self.tabs.value(), "context": self.context, "namespace": self._namespace, "chosen": list(self._chosen or ())}

    def restore(self, state: dict[str, Any]) -> None:
        self.context = str(state.get("context", ""))
        self._namespace = str(state.get("namespace", ""))
        chosen = state.get("chosen") or ()
        self._chosen = (str(chosen[0]), str(chosen[1]), str(chosen[2])) if len(chosen) == 3 else None
        self.tabs.set_value(str(state.get("tab") or "fleet"))
        self._choose_tab()
