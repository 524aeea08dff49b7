"""What can be done with a cluster and with what is chosen in it: the menu, the forms and plans behind it, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QMenu, QPushButton

from ui.panels.cluster.forms import EditForm, NamespacesForm, RollbackForm, ScaleForm, UndoForm, WeightForm

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.cluster.actions import Actions
    from ui.panels.cluster.panel import ClusterPanel
    from ui.panels.cluster.reading import Key

SUGGESTED = {  # the verb behind what a signal suggests
    "cluster.edit": "edit",
    "cluster.rollout.undo": "undo",
    "cluster.rollout.resume": "resume",
    "cluster.drain": "drain",
    "cluster.uncordon": "uncordon",
    "cluster.argo.sync": "sync",
}
VERBS = {
    "scale": "Scale",
    "restart": "Restart",
    "undo": "Undo",
    "pause": "Pause",
    "resume": "Resume",
    "promote": "Promote",
    "abort": "Abort",
    "weight": "Weight",
    "edit": "Edit YAML",
    "delete": "Delete",
}
OF_APPLICATIONS = ("sync", "rollback")
OF_NODES = ("cordon", "uncordon", "drain")


class Verbs:
    """The verbs of the panel. Each is refused here first, in a sentence, where something is known to stand against it."""

    def __init__(self, panel: ClusterPanel) -> None:
        self._panel = panel
        self._window = panel.window_

    @property
    def _actions(self) -> Actions:
        actions: Actions = self._panel.bridge.console.clusters.actions
        return actions

    def why_not(self, verb: str = "", key: Key | None = None) -> str:
        """Why nothing may be changed on the shown cluster, or not this verb on the chosen object (or on ``key``); or empty."""
        page, key = self._panel.reading, key or self._panel.chosen
        if page is None or not self._panel.context:
            return "Choose a cluster first."
        if not page.live:
            return "A recorded cluster cannot be changed."
        if page.read_only and verb != "logs":
            return f"{page.context} is read-only here."
        if not page.answers:
            return f"{page.context} does not answer, or not to this identity."
        return page.refusal(verb, key or ("", "", "")) if verb == "apply" or (verb and key is not None) else ""

    def open_menu(self, below: QPushButton) -> None:
        """Everything that can be done with the shown cluster, its chosen object and its nodes."""
        menu = QMenu(below)
        menu.setToolTipsVisible(True)
        chosen, page = self._panel.chosen, self._panel.reading
        self._add_verb(menu, "Apply manifests…", "apply", chosen, lambda: self._window.trigger("cluster.apply"))
        menu.addSeparator()
        if chosen is not None:
            for verb, word in VERBS.items():
                self._add_verb(menu, f"{word}…", verb, chosen, lambda verb=verb: self.ask(verb))
        else:
            menu.addAction("Select a workload first").setEnabled(False)
        menu.addSeparator()
        self._add_sayings(menu)
        nodes = menu.addMenu("Nodes")
        nodes.setToolTipsVisible(True)
        for node in page.nodes if page is not None else ():
            line = node[0]
            if line.version:
                inner, key = nodes.addMenu(line.name), ("Node", "", line.name)
                inner.setToolTipsVisible(True)
                for verb in ("uncordon" if line.cordoned else "cordon", "drain"):
                    act = lambda verb=verb, line=line: self._node(verb, line.name)  # noqa: E731 - an entry of the menu
                    self._add_verb(inner, f"{verb.capitalize()}…", verb, key, act)
        menu.popup(below.mapToGlobal(below.rect().bottomLeft()))

    def _add_verb(self, menu: QMenu, word: str, verb: str, key: Key | None, act: Callable[[], object]) -> None:
        entry, why = menu.addAction(word, act), self.why_not(verb, key)
        entry.setEnabled(not why)
        entry.setToolTip(why or word)

    def _add_sayings(self, menu: QMenu) -> None:
        """What a person says about this context: an edit of the settings, not a change of the cluster."""
        page = self._panel.reading
        if page is None or not page.live:
            return
        only = menu.addAction("Read-only here", lambda: self._say(read_only=not page.read_only))
        only.setCheckable(True)
        only.setChecked(page.read_only)
        menu.addAction("Namespaces to look in…", self.ask_namespaces)
        inner = menu.addMenu("Environment")
        for value in ("local", "test", "production"):
            entry = inner.addAction(value.capitalize(), lambda value=value: self._say(environment=value))
            entry.setCheckable(True)
            entry.setChecked(page.environment == value)

    def ask_namespaces(self) -> None:
        """Where to look when this identity may not read the whole cluster."""
        page = self._panel.reading
        if page is None or not page.live:
            self._window.notify("Choose a cluster first. Nothing was changed.", "warn")
        else:
            self._window.open_form(NamespacesForm(self._panel, page.access))

    def _say(self, **said: Any) -> None:
        where, clusters = self._panel.context, self._panel.bridge.console.clusters

        async def say() -> None:
            clusters.set_context(where, **said)

        self._panel.bridge.run(say, then=lambda _answer: self._panel.refresh(), owner=self._panel)

    def _node(self, verb: str, name: str) -> None:
        actions, where = self._actions, self._panel.context
        if why := self.why_not(verb, ("Node", "", name)):
            self._window.notify(f"{why} Nothing was planned.", "warn")
        elif verb == "drain":
            self._window.run_plan(lambda: actions.plan_drain(where, name), f"Planning to drain {name}")
        else:
            self._window.run_plan(lambda: actions.plan_cordon(where, name, uncordon=verb == "uncordon"), f"Planning for {name}")

    def ask(self, verb: str) -> None:
        """A verb on what is chosen: opens its form, or the plan's preview where nothing needs to be asked."""
        key, page, window = self._panel.chosen, self._panel.reading, self._window
        if why := self.why_not(verb):
            window.notify(f"{why} Nothing was planned.", "warn")
            return
        if key is None or page is None or page.chosen is None:
            window.notify("Select a workload first. Nothing was planned.", "warn")
            return
        actions, where, chosen = self._actions, self._panel.context, page.chosen
        line = next((row.line for row in page.rows if row.line.key == key), None)
        if verb in OF_NODES:
            if key[0] != "Node":
                window.notify("Choose a node first: search for it in the fleet. Nothing was planned.", "warn")
            else:
                self._node(verb, key[2])
            return
        app = chosen.application
        if verb in OF_APPLICATIONS and app is None:
            window.notify(f"No Argo CD application has {key[0]} {key[2]}. Nothing was planned.", "warn")
            return
        match verb:
            case "scale" if line is None:
                window.notify(f"{key[0]} {key[2]} has no number of pods. Nothing was planned.", "warn")
            case "scale":
                window.open_form(ScaleForm(self._panel, key, line.wanted))
            case "edit":
                window.open_form(EditForm(self._panel, key))
            case "undo":
                window.open_form(UndoForm(self._panel, key, chosen.revisions))
            case "weight" if chosen.strategy is not None and page.carrier() not in ("", "Service"):
                window.open_form(WeightForm(self._panel, key, chosen.strategy))
            case "weight":  # the plan says why not
                window.run_plan(lambda: actions.plan_weight(where, *key, 0), "Planning the weight")
            case "restart":
                window.run_plan(lambda: actions.plan_restart(where, *key), "Planning the restart")
            case "pause" | "resume":
                window.run_plan(lambda: actions.plan_pause(where, *key, resume=verb == "resume"), "Planning")
            case "promote":
                window.run_plan(lambda: actions.plan_promote(where, *key), "Planning the promotion")
            case "abort":
                window.run_plan(lambda: actions.plan_abort(where, *key), "Planning the abort")
            case "delete":
                window.run_plan(lambda: self._plan_delete(key), "Planning the deletion")
            case "sync" if app is not None:
                window.run_plan(lambda: actions.plan_sync(where, app.namespace, app.name), "Planning the sync")
            case "rollback" if app is not None:
                window.open_form(RollbackForm(self._panel, app))

    def follow(self, action: str, key: Key) -> None:
        """What a signal suggests to do with an object."""
        actions, where, window = self._actions, self._panel.context, self._window
        if why := self.why_not(SUGGESTED.get(action, ""), key):
            window.notify(f"{why} Nothing was planned.", "warn")
            return
        match action:
            case "cluster.edit":
                window.open_form(EditForm(self._panel, key))
            case "cluster.rollout.undo":
                window.run_plan(lambda: actions.plan_undo(where, *key), "Planning the way back")
            case "cluster.rollout.resume":
                window.run_plan(lambda: actions.plan_pause(where, *key, resume=True), "Planning")
            case "cluster.drain" | "cluster.uncordon":
                self._node(action.rpartition(".")[2], key[2])
            case "cluster.argo.sync":
                window.run_plan(lambda: actions.plan_sync(where, key[1], key[2]), "Planning the sync")

    async def _plan_delete(self, key: Key) -> Any:
        from app.cluster.actions import Ref

        return await self._actions.plan_delete(self._panel.context, Ref.named(*key))
