"""What is asked before a cluster is changed: each form leads to a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QPlainTextEdit, QSpinBox, QVBoxLayout

from app.core.errors import Invalid
from ui.plan_sheet import PlanForm
from ui.theme import theme
from ui.widgets import Field, Note, button, line_edit
from ui.widgets.values import moment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.cluster.access import Access
    from app.cluster.argo import Application
    from app.cluster.rollouts import Strategy
    from ui.panels.cluster.panel import ClusterPanel
    from ui.panels.cluster.reading import Key


class ClusterForm(PlanForm):
    """A form about the shown cluster."""

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__()
        self.panel = panel
        self.where = panel.context
        self.actions_ = panel.bridge.console.clusters.actions
        self.context = f"On {self.where}; nothing is stored yet"
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(10)


class AddForm(PlanForm):
    """A further kubeconfig file: a setting, not a plan."""

    title = "Add a kubeconfig"
    context = "It is read from where it is; nothing is copied"
    primary = "Add"
    planned = False

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__()
        self.panel = panel
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self.path = line_edit("cluster.add.path", "Path of the kubeconfig file")
        choose = button("Choose…", icon="file")
        choose.setObjectName("cluster.add.choose")
        choose.clicked.connect(self._choose)
        row = QHBoxLayout()
        row.addWidget(Field("File", self.path, "Its contexts appear in the fleet beside those of KUBECONFIG"), 1)
        row.addWidget(choose, 0, Qt.AlignmentFlag.AlignVCenter)
        column.addLayout(row)
        column.addWidget(
            Note(
                "info",
                "Tokens and keys stay in the file. Plugins that it names (exec, OIDC) are run when the cluster is connected.",
            )
        )
        column.addStretch(1)

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Kubeconfig", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.path.setText)
        dialog.open()

    def work(self) -> Callable[[], Awaitable[Any]]:
        path = self.path.text().strip()
        if not path:
            raise Invalid("No file is named. Nothing was added.", "Choose one.", field="path")
        clusters = self.panel.bridge.console.clusters

        async def add() -> int:
            found = clusters.add_kubeconfig(Path(path))
            return len(found.all)

        return add

    def finished(self, result: Any) -> None:
        self.panel.window_.notify(f"The kubeconfig was added; {result} contexts are known.", "ok")
        self.panel.connect_all()


class ScaleForm(ClusterForm):
    """Another number of pods."""

    def __init__(self, panel: ClusterPanel, key: Key, now: int) -> None:
        super().__init__(panel)
        self._key = key
        self.title = f"Scale {key[2]}"
        self.replicas = QSpinBox()
        self.replicas.setRange(0, 1000)
        self.replicas.setValue(now)
        self.replicas.setObjectName("cluster.scale.replicas")
        self.replicas.setAccessibleName("Number of pods")
        self.column.addWidget(
            Field("Pods", self.replicas, f"Now {now}. An autoscaler that owns the number is named in the preview")
        )
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        replicas = self.replicas.value()
        return lambda: self.actions_.plan_scale(self.where, *self._key, replicas)


class NamespacesForm(ClusterForm):
    """Where to look when the identity may not read the whole cluster: a setting, not a plan."""

    title = "Namespaces to look in"
    primary = "Save"
    planned = False

    def __init__(self, panel: ClusterPanel, access: Access) -> None:
        super().__init__(panel)
        self.context = f"Of {self.where}; nothing changes in the cluster"
        self.names = line_edit("cluster.namespaces.names", "Namespaces")
        self.names.setText(panel.bridge.console.clusters.namespaces(self.where))
        self.names.setPlaceholderText(", ".join(access.namespaces))
        self.column.addWidget(Field("Namespaces", self.names, "Up to eight, parted by commas; empty: those that can be found"))
        self.column.addWidget(Note("info", "It counts where this identity may not read the whole cluster."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        names, where, clusters = self.names.text().strip(), self.where, self.panel.bridge.console.clusters

        async def say() -> None:
            clusters.set_context(where, namespace=names)

        return say

    def finished(self, result: Any) -> None:
        self.panel.window_.notify(f"{self.where} is looked at in these namespaces from now on.", "ok")


class ApplyForm(ClusterForm):
    """Manifests from a file, a kustomization or typed."""

    title = "Apply manifests"

    def __init__(self, panel: ClusterPanel, namespace: str) -> None:
        super().__init__(panel)
        self.path = line_edit("cluster.apply.path", "File with manifests, or folder with a kustomization")
        choose = button("Folder…", icon="folder-open")
        choose.setObjectName("cluster.apply.choose")
        choose.clicked.connect(self._choose)
        row = QHBoxLayout()
        row.addWidget(Field("File or folder", self.path, "YAML, or a kustomization, which the console builds itself"), 1)
        row.addWidget(choose, 0, Qt.AlignmentFlag.AlignVCenter)
        self.column.addLayout(row)
        self.text = _editor("cluster.apply.text", "Manifests")
        self.column.addWidget(Field("Or YAML", self.text, "Several documents are separated by ---"), 1)
        self.namespace = line_edit("cluster.apply.namespace", "Namespace for objects that name none")
        self.namespace.setText(namespace)
        self.column.addWidget(Field("Namespace", self.namespace, "For objects that name none"))
        self.force = QCheckBox("Take over fields that others own")
        self.force.setObjectName("cluster.apply.force")
        self.column.addWidget(self.force)
        self.column.addWidget(
            Note("info", "Server-side apply: what the manifests do not name is left alone. Values of Secrets are refused.")
        )

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Folder with a kustomization", str(Path.cwd()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.path.setText)
        dialog.open()

    def work(self) -> Callable[[], Awaitable[Any]]:
        path, text, namespace = self.path.text().strip(), self.text.toPlainText(), self.namespace.text().strip()
        force, where, actions = self.force.isChecked(), self.where, self.actions_
        if bool(path) == bool(text.strip()):
            raise Invalid(
                "Name a file or write YAML, one of the two. Nothing was planned.", "Fill one of the fields.", field="path"
            )

        async def plan() -> Any:
            import asyncio

            from app.cluster.manifests import build

            place = Path(path).expanduser()
            if path and place.is_dir():
                return await actions.plan_apply(where, await asyncio.to_thread(build, place), namespace=namespace, force=force)
            if path:
                try:
                    found = await asyncio.to_thread(place.read_text, encoding="utf-8")
                except (OSError, UnicodeDecodeError) as error:
                    raise Invalid(
                        f"{path} cannot be read: {error}. Nothing was planned.", "Choose another.", field="path"
                    ) from None
                return await actions.plan_apply(where, found, namespace=namespace, force=force)
            return await actions.plan_apply(where, text, namespace=namespace, force=force)

        return plan


class EditForm(ClusterForm):
    """An object as YAML, checked against the cluster's schema."""

    def __init__(self, panel: ClusterPanel, key: Key) -> None:
        super().__init__(panel)
        self._key = key
        self._seen: Any = None
        self.title = f"Edit {key[0]} {key[2]}"
        self.text = _editor("cluster.edit.text", "YAML")
        self.column.addWidget(Field("YAML", self.text, "Checked against the cluster's own schema, then tried without effect"), 1)
        self.text.setPlainText("Reading…")
        self.text.setReadOnly(True)
        panel.bridge.run(self._read, then=self._show, owner=self)

    async def _read(self) -> Any:
        from app.cluster.actions import Ref

        return await self.actions_.text_of(self.where, Ref.named(*self._key))

    def _show(self, answer: Any) -> None:
        self._seen, text = answer
        self.text.setReadOnly(False)
        self.text.setPlainText(text)

    def work(self) -> Callable[[], Awaitable[Any]]:
        if self._seen is None:
            raise Invalid("The object is still being read. Nothing was planned.", "Wait a moment.")
        text, seen, where, actions, key = self.text.toPlainText(), self._seen, self.where, self.actions_, self._key

        async def plan() -> Any:
            from app.cluster.actions import Ref

            return await actions.plan_edit(where, Ref.named(*key), seen, text)

        return plan


class UndoForm(ClusterForm):
    """A revision to go back to."""

    def __init__(self, panel: ClusterPanel, key: Key, revisions: Any) -> None:
        super().__init__(panel)
        from PySide6.QtWidgets import QComboBox

        self._key = key
        self.title = f"Undo {key[2]}"
        self.revision = QComboBox()
        self.revision.setObjectName("cluster.undo.revision")
        self.revision.setAccessibleName("Revision")
        for found in revisions:
            if not found.current:
                self.revision.addItem(f"{found.number}: {', '.join(found.images)}", found.number)
        self.column.addWidget(Field("Revision", self.revision, "Its pod template comes back; the preview shows each field"))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        number = int(self.revision.currentData() or 0)
        return lambda: self.actions_.plan_undo(self.where, *self._key, number)


class WeightForm(ClusterForm):
    """Another share of the traffic for a canary."""

    def __init__(self, panel: ClusterPanel, key: Key, strategy: Strategy) -> None:
        super().__init__(panel)
        self._key = key
        canary = next(arm for arm in strategy.arms if arm.role == "canary")
        self.title = f"Weight of {canary.name}"
        self.percent = QSpinBox()
        self.percent.setRange(0, 100)
        self.percent.setSuffix(" %")
        self.percent.setValue(round(canary.weight))
        self.percent.setObjectName("cluster.weight.percent")
        self.percent.setAccessibleName("Share of the canary in percent")
        carrier = " ".join(strategy.carrier)
        self.column.addWidget(Field("Share", self.percent, f"Now {canary.weight:.0f} %, by {carrier}; the rest goes to the other"))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        percent = self.percent.value()
        return lambda: self.actions_.plan_weight(self.where, *self._key, percent)


class RollbackForm(ClusterForm):
    """A deployment of Argo CD to go back to."""

    def __init__(self, panel: ClusterPanel, app: Application) -> None:
        super().__init__(panel)
        from PySide6.QtWidgets import QComboBox

        self._app = app
        self.title = f"Roll {app.name} back"
        self.deployment = QComboBox()
        self.deployment.setObjectName("cluster.rollback.deployment")
        self.deployment.setAccessibleName("Deployment to go back to")
        for number, revision, at in app.history:
            self.deployment.addItem(f"{number}: {revision[:12]}, {moment(at)}", number)
        self.column.addWidget(Field("Deployment", self.deployment, "Argo CD deploys this revision again, and prunes"))
        if app.automated:
            self.column.addWidget(
                Note("warn", "This application syncs by itself and would undo it: switch automated sync off first.")
            )
        elif not app.history:
            self.column.addWidget(Note("info", "Argo CD keeps no earlier deployment of it."))
        self.column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        number = self.deployment.currentData()
        if number is None:
            raise Invalid("Argo CD keeps no earlier deployment. Nothing was planned.", "Choose another revision in Git.")
        return lambda: self.actions_.plan_rollback(self.where, self._app.namespace, self._app.name, int(number))


def _editor(name: str, words: str) -> QPlainTextEdit:
    edit = QPlainTextEdit()
    edit.setObjectName(name)
    edit.setAccessibleName(words)
    edit.setProperty("role", "code")
    edit.setFont(theme.font("mono"))
    edit.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    edit.setTabChangesFocus(True)
    edit.setMinimumHeight(180)
    return edit
