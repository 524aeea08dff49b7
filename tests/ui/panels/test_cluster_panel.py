"""The cluster panel over the test API server: fleet, one cluster, looking closer, a plan from it; and the recorded cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from app.cluster.access import Access
from app.cluster.health import assess
from app.cluster.prometheus import Line, Queried
from app.cluster.rollouts import progress
from app.cluster.store import KindState, KindStatus, Snapshot
from app.cluster.topology import around
from app.cluster.watching import Reach
from app.cluster.workloads import View
from tests.cluster.apiserver import ApiServer
from tests.cluster.apiserver.rights import Rule, User
from tests.cluster.aside import served
from tests.cluster.reading import NOW, Objects
from tests.cluster.test_rules import thing
from tests.ui.panels.test_topology_picture import many
from tests.ui.shell.desk import Shell, start
from ui.panels.cluster.entries import Entries, Entry, _Row
from ui.panels.cluster.fleet import FleetPage
from ui.panels.cluster.picturing import picture_of
from ui.panels.cluster.reading import read_page, workload_state
from ui.panels.cluster.side import MOST_SIGNALS
from ui.panels.cluster.topology import TopologyView
from ui.panels.cluster.tunnels import TunnelForm
from ui.panels.cluster.using import ONLY_AN_HOUR
from ui.shell.bars import _clusters as told_of
from ui.shell.state import WindowState
from ui.widgets import FaintCell

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with served() as found:
        found.log("shop", "cart-7455ddfd44-7b7wd", "INF served")
        found.log("shop", "cart-7455ddfd44-dczz5", "WRN slow")
        yield found


@pytest.fixture(scope="module")
def desk(qapp: Any, server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("cluster")
    patch = pytest.MonkeyPatch()
    patch.setenv("KUBECONFIG", str(server.kubeconfig(folder / "config", context="eu")))
    patch.setenv("AZORA_CLUSTER_GRACE_SECONDS", "0")
    home: Path = folder / "home"
    home.mkdir()
    shell = start(home)
    shell.window.open("cluster")
    shell.until(lambda: "eu" in shell.console.clusters.connected, 30_000)
    shell.ask(lambda: shell.console.clusters.settled("eu"))
    yield shell
    shell.window.close()
    patch.undo()


@pytest.fixture
def shell(desk: Shell) -> Shell:
    desk.active()
    desk.window.open("cluster")
    desk.panel.tabs.set_value("fleet")
    desk.panel._choose_tab()
    return desk


def cell(table: Any, row: str, column: str) -> Any:
    return next(r.cells[column] for r in table.rows() if r.id == row)


def test_the_fleet_says_what_is_worst_and_finds_across_clusters(shell: Shell) -> None:
    panel = shell.panel
    shell.until(lambda: panel.fleet.table.rows() and "39" in str(cell(panel.fleet.table, "eu", "pods")), 30_000)
    assert cell(panel.fleet.table, "eu", "worst").state == "err"
    assert panel.tabs.button("fleet").text() == "Fleet 1"
    panel.fleet.text.setText("statefulset db")
    shell.until(lambda: panel.fleet.results.rows())
    assert {row.cells["name"] for row in panel.fleet.results.rows()} == {"db", "db-0", "db-1", "db-2"}


def test_one_cluster_with_its_pods_by_state_and_what_is_wrong_with_one_workload(shell: Shell) -> None:
    panel = shell.panel
    shell.until(lambda: panel.fleet.table.rows(), 30_000)
    panel.show_cluster("eu")
    shell.until(lambda: len(panel.page.table.rows()) > 20, 30_000)
    key = "\n".join(("Deployment", "payments", "api"))
    assert cell(panel.page.table, key, "ready") == "0 / 2"
    assert cell(panel.page.table, key, "health").word == "Degraded"
    assert set(panel.page._grids) == {"node-a", "node-b", "node-c", "No node"}
    panel.page.table.selected.emit(key)
    shell.until(lambda: panel._page.chosen is not None and panel._page.chosen.key[2] == "api")
    assert {signal.rule for signal in panel._page.chosen.signals} >= {"pod.crash_loop", "workload.readiness"}
    panel.page.looking.show_tab("related")
    assert any("ReplicaSet" in str(row.cells["to"]) for row in panel.page.looking.topology.table.rows())
    panel.page.looking.show_tab("yaml")
    assert panel.page.looking.yaml.text().startswith("apiVersion: apps/v1\nkind: Deployment")


def test_workloads_are_filtered_by_words_and_escape_leads_back_to_all_signals(shell: Shell) -> None:
    panel, page = shell.panel, shell.panel.page
    panel.show_cluster("eu")
    panel.choose(("Deployment", "payments", "api"))
    shell.until(lambda: page.side.rollout.title() == "api" and page.looking.leave.isVisible(), 30_000)
    shell.window.focus_filter()
    assert shell.focus() is page.words
    for letter in "shop stateful":
        shell.key(ord(letter.upper()) if letter != " " else Qt.Key.Key_Space)
    assert [row.id.split("\n")[2] for row in page.table.rows()] == ["db"]
    assert panel.chosen == ("Deployment", "payments", "api")  # a filter chooses nothing
    page.table.setFocus()
    shell.key(Qt.Key.Key_Escape)
    assert page.words.text() == "" and len(page.table.rows()) > 20 and panel.chosen is not None
    shell.key(Qt.Key.Key_Escape)
    shell.until(lambda: page.side.rollout.title() == "Signals" and not page.looking.leave.isVisible())
    assert panel.chosen is None and page.table.selected_id() == ""


def test_a_job_that_failed_and_a_cron_job_that_is_suspended_are_not_called_healthy() -> None:
    """However long ago: kubectl says so too."""
    failed = {"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    view = View(Objects([thing("Job", "j", status=failed), thing("CronJob", "c", spec={"suspend": True}), thing("Job", "done")]))
    words = {line.name: workload_state(line, progress(line), None) for line in view.workloads}
    assert words == {"j": ("warn", "Failed"), "c": ("idle", "Suspended"), "done": ("ok", "Healthy")}


def test_the_status_bar_says_how_clusters_are_and_leads_to_them(shell: Shell) -> None:
    shell.until(lambda: shell.console.clusters.reach("eu").answers, 30_000)
    shell.window.bars.refresh_status()
    part = shell.window.status.parts["cluster"]
    shell.until(lambda: part.text().startswith("Cluster  eu ") and part.text().endswith("ms"))
    assert part.toolTip() == "eu answers."
    shell.window.open("overview")
    part.click()
    assert shell.at == "cluster"
    assert told_of({})[:2] == ("idle", "Cluster  not connected")
    silent, refused = Reach(answers=False, message="It is off."), Reach(answers=False, refused=True)
    assert told_of({"a": silent})[:2] == ("err", "Cluster  a no answer") and told_of({"a": refused})[1] == "Cluster  a refuses"
    state, words, tip = told_of({"a": silent, "b": Reach(answers=True), "c": Reach()})
    assert (state, words) == ("warn", "Clusters  1 of 3 answer")
    assert tip.splitlines() == ["a does not answer. It is off.", "b answers.", "c is asked."]


def test_two_contexts_of_one_cluster_are_counted_once(shell: Shell) -> None:
    panel = shell.panel
    shell.until(lambda: panel.fleet.table.rows() and "39" in str(cell(panel.fleet.table, "eu", "pods")), 30_000)
    (row,) = shell.ask(lambda: shell.console.clusters.fleet())
    assert row.identity
    fleet = FleetPage(panel)
    part = replace(row, context="shop only", pods=10, pods_ready=4)
    other = replace(row, context="us", identity="another", pods=3, pods_ready=3, worst=None)
    fleet.show_fleet((part, row, other), (), NOW)
    assert fleet.figures["pods"].text() == f"{row.pods_ready + 3} of {row.pods + 3}"
    assert fleet.figures["attention"].text() == "1"
    assert fleet.figures["reach"].text() == "3 of 3"
    silent = replace(row, reach=Reach(answers=False, message="It is off."))
    fleet.show_fleet((silent, other), (), NOW)
    before, now = (fleet.table.rows()[at].cells for at in (0, 1))
    assert all(isinstance(before[figure], FaintCell) for figure in ("pods", "nodes", "read"))
    assert before["pods"].text == f"{row.pods_ready} / {row.pods}"
    assert before["sync"].state == before["health"].state == "idle"
    assert not any(isinstance(cell, FaintCell) for cell in now.values()) and now["sync"].state != "idle"


def test_the_topology_is_drawn_walked_by_keys_and_told_as_a_table(shell: Shell) -> None:
    panel, pane = shell.panel, shell.panel.page.looking.topology
    panel.show_cluster("eu")
    panel.choose(("Deployment", "shop", "web"))
    shell.window.trigger("cluster.topology")
    shell.until(lambda: pane.view.selected == "Deployment/shop/web", 30_000)
    pane.view.setFocus()
    assert "Deployment shop/web" in pane.view.accessibleDescription() and "scales it" in pane.view.accessibleDescription()
    zoomed = pane.view.transform().m11()
    shell.ctrl(Qt.Key.Key_Plus)
    assert pane.view.transform().m11() > zoomed
    shell.ctrl(Qt.Key.Key_0)
    seen = lambda: pane.view.mapToScene(pane.view.viewport().rect()).boundingRect()  # noqa: E731 - changes as bars go
    shell.until(lambda: seen().contains(pane.view.sceneRect().adjusted(1, 1, -1, -1)), 5_000)
    shell.key(Qt.Key.Key_Right)
    assert pane.view.selected.startswith("ReplicaSet/shop/web-")
    shell.key(Qt.Key.Key_Return)
    shell.until(lambda: panel._page.chosen is not None and panel._page.chosen.key[0] == "ReplicaSet", 30_000)
    assert pane.view.picture.start == pane.view.selected
    pane.switch.button("table").click()
    assert pane.table.isVisible() and not pane.view.isVisible()
    assert shell.window.kept["cluster.topology"] == "table"
    shell.window._state.save(shell.window)
    assert WindowState(shell.window._state._file.parent).values["cluster.topology"] == "table"
    pane.switch.button("picture").click()
    assert pane.view.isVisible()


def test_where_no_connection_is_known_the_traffic_tab_says_why(shell: Shell) -> None:
    panel, looking = shell.panel, shell.panel.page.looking
    panel.show_cluster("eu")
    looking.show_tab("traffic")
    for key, why in (
        (("Deployment", "argocd", "argocd-server"), "names a port of argocd-server"),
        (("Service", "shop", "web"), "decide between pods"),
    ):
        panel.choose(key)
        shell.until(lambda key=key: panel._page is not None and panel._page.chosen is not None and panel._page.chosen.key == key)
        assert looking.stack.currentWidget() is looking.no_traffic
        assert why in looking.no_traffic.accessibleName()


def test_what_is_looked_at_can_have_the_page_to_itself(shell: Shell) -> None:
    panel = shell.panel
    panel.show_cluster("eu")
    shell.until(lambda: panel._page is not None and panel.page.table.isVisible() and panel.page.side.isVisible())
    low = panel.page.looking.height()
    shell.window.trigger("cluster.enlarge")
    shell.until(lambda: panel.page.looking.height() > 2 * low)
    assert not panel.page.table.isVisible() and not panel.page.side.isVisible()
    panel.page.looking.enlarge.click()
    shell.until(lambda: panel.page.table.isVisible() and panel.page.side.isVisible())


def test_a_group_is_opened_and_put_together_again_by_keys(shell: Shell) -> None:
    """In the same view, whatever cluster it is of: sixty pods are two boxes until one is opened."""
    panel, view = shell.panel, TopologyView()
    objects = Objects(many(60, sick=3))
    key, pods = ("Deployment", "shop", "web"), View(objects)
    view.show_picture(picture_of(pods, assess(objects, NOW), around(pods, key), None, key))
    panel.stack.addWidget(view)
    panel.stack.setCurrentWidget(view)
    view.setFocus()
    assert view.selected == "Deployment/shop/web" and view.picture.start == view.selected
    for _ in range(2):
        shell.key(Qt.Key.Key_Right)
    assert "3 Pods, of web-1, need attention" in view.accessibleDescription()
    shell.key(Qt.Key.Key_Return)
    assert view.selected == "Pod/shop/web-1-000"
    shell.key(Qt.Key.Key_Down)
    assert view.selected == "Pod/shop/web-1-001"
    shell.key(Qt.Key.Key_Backspace)
    assert view.selected == "Deployment/shop/web" and "Pod/shop/web-1-001" not in view._boxes
    panel.stack.removeWidget(view)
    view.deleteLater()


def test_logs_of_all_pods_of_a_workload_come_merged(shell: Shell) -> None:
    panel = shell.panel
    panel.show_cluster("eu")
    panel.choose(("Deployment", "shop", "cart"))
    panel.page.looking.show_tab("logs")
    shell.until(lambda: "WRN slow" in panel.page.looking.log.text() and "INF served" in panel.page.looking.log.text(), 30_000)
    panel.page.looking.filter.setText("slow")
    assert "INF served" not in panel.page.looking.log.text()
    panel.page.looking.filter.clear()


def test_scaling_opens_the_sheet_and_its_preview_names_the_field(shell: Shell) -> None:
    panel = shell.panel
    panel.show_cluster("eu")
    panel.choose(("Deployment", "shop", "cart"))
    shell.until(lambda: panel._page is not None and panel._page.chosen is not None and panel._page.chosen.key[2] == "cart", 30_000)
    panel.ask("scale")
    spin = shell.window.findChild(QSpinBox, "cluster.scale.replicas")
    assert isinstance(spin, QSpinBox) and spin.value() == 2
    plan = shell.ask(lambda: shell.console.clusters.actions.plan_scale("eu", "Deployment", "shop", "cart", 4))
    assert [(e.subject, e.after) for e in plan.preview.effects] == [("Deployment shop/cart spec.replicas", "4")]


def test_a_read_only_cluster_says_why_it_cannot_be_changed(shell: Shell) -> None:
    panel = shell.panel
    panel.show_cluster("eu")

    async def lock(on: bool) -> None:
        shell.console.clusters.set_context("eu", read_only=on)

    shell.ask(lambda: lock(True))
    shell.until(lambda: panel._page is not None and panel._page.read_only, 30_000)
    assert not panel.scale_button.isEnabled() and "read-only" in panel.more.toolTip()
    shell.ask(lambda: lock(False))
    shell.until(lambda: not panel._page.read_only, 30_000)


def test_a_button_that_this_identity_may_not_use_is_off_and_says_which_right_is_missing(
    shell: Shell, server: ApiServer, tmp_path: Path
) -> None:
    panel, clusters = shell.panel, shell.console.clusters
    reads = Rule(("get", "list", "watch"), ("*",), ("*",))
    server.users["bob"] = User("bob", rules=(reads, Rule(("patch",), ("deployments",), ("apps",))))

    async def add() -> None:
        clusters.add_kubeconfig(server.kubeconfig(tmp_path / "bob.yaml", context="bob", token="bob"))
        await clusters.connect("bob")

    shell.ask(add)
    panel.show_cluster("bob")
    panel.choose(("Deployment", "shop", "cart"))
    shell.until(lambda: panel._page is not None and panel._page.chosen is not None and panel._page.access.asked_at, 30_000)
    why = "bob may not patch deployments/scale.apps in shop."
    shell.until(lambda: panel.scale_button.toolTip().startswith(why), 30_000)
    assert not panel.scale_button.isEnabled() and "Asked" in panel.scale_button.toolTip()
    assert panel.page.side.findChild(QPushButton, "cluster.do.restart").isEnabled()
    assert not panel.page.looking.running.run.isEnabled()
    shell.window.trigger("cluster.scale")
    assert why in shell.said()
    panel.ask("delete")
    assert "bob may not delete deployments.apps in shop." in shell.said()


def test_apply_and_adding_a_tunnel_are_off_for_who_may_do_neither_anywhere(shell: Shell, server: ApiServer, tmp_path: Path) -> None:
    panel, clusters = shell.panel, shell.console.clusters
    reads = Rule(("get", "list", "watch"), ("*",), ("*",))
    server.users["carol"] = User("carol", rules=(reads,))
    server.users["dora"] = User(
        "dora", rules=(reads, Rule(("patch",), ("configmaps",), ("",), "shop"), Rule(("*",), ("pods/portforward",)))
    )
    before = tuple(clusters.connected)

    async def only(name: str) -> None:
        for other in tuple(clusters.connected):
            await clusters.disconnect(other)
        clusters.add_kubeconfig(server.kubeconfig(tmp_path / f"{name}.yaml", context=name, token=name))
        await clusters.connect(name)

    async def again() -> None:
        await clusters.disconnect("dora")
        for name in before:
            await clusters.connect(name)

    shell.ask(lambda: only("carol"))
    panel.show_cluster("carol")
    why = "carol may not patch any object, neither everywhere nor in "
    shell.until(lambda: panel.apply_button.toolTip().startswith(why) and "Asked" in panel.apply_button.toolTip())
    assert not panel.apply_button.isEnabled()
    shell.window.trigger("cluster.apply")
    assert why in shell.said() and "Nothing was planned." in shell.said()
    shell.window.trigger("cluster.tunnels")
    shell.until(lambda: panel.tunnels.add.toolTip().startswith("carol: carol may not create pods/portforward"))
    assert not panel.tunnels.add.isEnabled()
    shell.ask(lambda: only("dora"))
    shell.until(panel.tunnels.add.isEnabled)
    panel.show_cluster("dora")
    shell.until(lambda: panel._page is not None and panel._page.context == "dora" and panel._page.access.asked_at)
    assert panel.apply_button.isEnabled() and not panel.apply_button.toolTip()
    shell.ask(again)


def test_the_recorded_cluster_is_labelled_and_cannot_be_changed(shell: Shell) -> None:
    panel = shell.panel
    panel.explore()
    shell.until(lambda: panel._page is not None and not panel._page.live and panel.page.table.rows(), 30_000)
    assert "recorded cluster, not a live one" in panel.page.note.text()
    assert not panel.more.isEnabled()
    panel.ask("restart")
    assert "cannot be changed" in shell.said()
    panel.choose(None)
    shell.until(lambda: panel.reading is not None and panel.reading.chosen is None)
    offered = lambda: {made.text(): made for made in panel.page.side.findChildren(QPushButton) if made.isVisibleTo(panel)}  # noqa: E731
    shell.until(lambda: "Edit…" in offered() and "Look" in offered())
    assert not offered()["Edit…"].isEnabled() and "recorded" in offered()["Edit…"].toolTip()
    assert offered()["Look"].isEnabled()
    total = len(panel.reading.health.signals)
    said = [label.text() for label in panel.page.side.findChildren(QLabel) if label.isVisibleTo(panel)]
    assert total > MOST_SIGNALS and any(text.startswith(f"{total - MOST_SIGNALS} more") for text in said)


def test_entries_change_in_place_and_all_of_them_come(shell: Shell) -> None:
    """More than one turn of the event loop makes; then fewer, others, and as many again."""
    panel = QWidget()
    column = QVBoxLayout(panel)
    entries, pressed = Entries(panel, column), []
    shown = lambda: [row.entry for row in panel.findChildren(_Row) if not row.isHidden()]  # noqa: E731
    for count in (60, 3, 0, 41):
        wanted = [
            Entry(
                "warn" if n % 2 else "ok",
                f"title {n} of {count}",
                "second",
                "1m",
                word="Do" if n % 3 else "",
                press=lambda n=n: pressed.append(n),
            )
            for n in range(count)
        ]
        entries.show_entries(wanted)
        shell.until(lambda wanted=wanted: shown() == wanted)
    buttons = [made for made in panel.findChildren(QPushButton) if made.isVisibleTo(panel)]
    for made in buttons:
        made.click()
    assert pressed == [n for n in range(41) if n % 3]


def test_a_signals_suggestion_leads_to_a_plan_or_to_the_log(shell: Shell) -> None:
    panel = shell.panel
    panel.show_cluster("eu")
    panel.choose(("Deployment", "payments", "fraud"))
    shell.until(lambda: panel._page is not None and panel._page.chosen is not None and panel._page.chosen.key[2] == "fraud", 30_000)
    suggestions = {s.rule: s.suggestion.action for s in panel._page.chosen.signals}
    assert suggestions["pod.crash_loop"] == "cluster.logs"
    shell.until(lambda: panel.findChild(QPushButton, "cluster.suggest.pod.crash_loop") is not None)
    panel.findChild(QPushButton, "cluster.suggest.pod.crash_loop").click()
    shell.until(lambda: panel._page.chosen is not None and panel._page.chosen.key[0] == "Pod", 30_000)
    assert panel.page.looking.previous.isChecked() and panel.page.looking.tabs.value() == "logs"
    panel.page.looking.previous.setChecked(False)


def test_a_tunnel_is_set_up_seen_shut_and_removed(shell: Shell) -> None:
    panel = shell.panel
    shell.until(lambda: "eu" in shell.console.clusters.connected, 30_000)
    shell.window.trigger("cluster.tunnels")
    page = panel.tunnels
    page.add.click()
    form = shell.window.findChild(TunnelForm)
    form.name.setText("db")
    form.namespace.setText("shop")
    form.target.setText("db")
    form.port.setValue(5432)
    form.finished(shell.ask(form.work()))
    shell.until(lambda: page.table.rows() and cell(page.table, "db", "state").state == "ok")
    assert cell(page.table, "db", "target") == "shop service/db:5432" and cell(page.table, "db", "since")
    assert page.toggle.text() == "Close"
    page.toggle.click()
    shell.until(lambda: cell(page.table, "db", "state").word == "Closed")
    page.remove.click()
    shell.until(lambda: not page.table.rows())
    assert "was removed" in shell.said()


def test_a_command_is_a_plan_and_its_output_is_read_beside_it(shell: Shell, server: ApiServer) -> None:
    panel, name = shell.panel, "cart-7455ddfd44-7b7wd"
    server.programs["df -h"] = ("42% used\n", "", 3)
    panel.show_cluster("eu")
    panel.choose(("Pod", "shop", name))
    shell.until(lambda: panel._page is not None and panel._page.chosen is not None and panel._page.chosen.key[2] == name, 30_000)
    panel.page.looking.show_tab("run")
    pane = panel.page.looking.running
    assert pane.pod.currentText() == name and pane.container.currentText() and pane.run.isEnabled()
    pane.command.setText("df -h")
    pane.run.click()
    assert not pane.command.text()
    plan = shell.ask(lambda: shell.console.clusters.actions.plan_exec("eu", "shop", name, ["df", "-h"]))
    shell.ask(lambda: shell.console.operations.execute(plan.id))
    shell.until(lambda: pane.output.text() == "42% used" and "Exit code 3." in pane.ended.text(), 30_000)


def kept_like(shell: Shell) -> dict[str, Any]:
    """A minute of one workload under the identity of the cluster."""
    return {shell.console.clusters.identity("eu").ref: {("Deployment", "shop", "cart"): (5.0, 1e8)}}


def test_usage_of_a_workload_is_shown_with_both_figures(shell: Shell) -> None:
    panel = shell.panel
    panel.show_cluster("eu")
    panel.choose(("Deployment", "shop", "cart"))
    shell.until(lambda: panel._page is not None and panel._page.chosen is not None and panel._page.chosen.key[2] == "cart", 30_000)
    panel.page.looking.show_tab("usage")
    usage = panel.page.looking.usage
    shell.until(lambda: "MiB" in usage.words.text() and "CPU" in usage.words.text(), 30_000)
    assert usage.cpu.accessibleDescription().startswith("CPU:")

    def same() -> bool:
        """Its own pods only, not those of cart-canary; the page and the tab may show different readings for a moment."""
        row = next(row for row in panel._page.rows if row.line.key == ("Deployment", "shop", "cart"))
        return f"CPU {row.cpu[-1][1]:,.0f} m" in usage.words.text()

    shell.until(same)
    assert usage.range.button("168").isEnabled()
    at = shell.ask(lambda: shell.console.clusters.usage_over("eu", "Deployment", "shop", "cart", 1))[0].at
    # The second ends the ten minutes of the first: also where the console has just ended ten minutes of its own.
    for ago in (26 * 60, 26 * 60 - 10):
        old = shell.ask(lambda ago=ago: shell.console.clusters._archive.keep(at - ago * 60_000, kept_like(shell)))
        assert old.rows
    shell.ask(lambda: shell.console.clusters.keep_minute(at))  # unless the minute turned, and the console kept it by itself
    usage.range.button("168").click()
    shell.until(lambda: "One gap" in usage.words.text() and "1 gap" in usage.memory.accessibleDescription())
    panel.choose(("Pod", "shop", "cart-7455ddfd44-7b7wd"))
    shell.until(lambda: usage.range.button("168").toolTip() == ONLY_AN_HOUR)
    assert usage.range.value() == "1" and not usage.range.button("168").isEnabled()


def test_prometheus_is_named_and_asked_from_the_page(shell: Shell) -> None:
    panel = shell.panel
    panel.show_cluster("eu")
    shell.until(lambda: panel._page is not None and panel._page.context == "eu", 30_000)
    shell.window.trigger("cluster.query")
    assert panel.page.looking.tabs.value() == "query"
    pane = panel.page.looking.query
    pane.text.setText("up")
    pane.run.click()
    shell.until(lambda: "No Prometheus is named" in pane.said.text())
    pane.where.setText("http://127.0.0.1:9/x")
    pane.save.click()
    shell.until(lambda: pane.said.text() == "Prometheus is set.")
    assert shell.console.clusters.prometheus("eu") == "http://127.0.0.1:9/x"
    pane._show(Queried((Line({"__name__": "up"}, ((1_000, 0.5), (2_000, 1.0))),)))
    assert cell(pane.table, "0 up", "value") == "1" and pane.chart.accessibleDescription().startswith("up:")


def test_autoscalers_that_are_not_served_are_not_said_to_be_none():
    """An older server has them in another version of the API, where the console does not look."""
    snapshot = Snapshot("old", 1, 1, {}, {"HorizontalPodAutoscaler": KindState(KindStatus.ABSENT, 0, "Not served.")})
    facts = {"context": "old", "environment": "local", "read_only": False, "live": True, "version": "", "note": "", "known_at": 1}
    page = read_page(snapshot, assess(snapshot, 1), {**facts, "access": Access()}, "", None, 1)
    assert not page.hpas and page.unscaled == "Not served."
    assert not read_page(Snapshot.of_objects([]), assess(snapshot, 1), {**facts, "access": Access()}, "", None, 1).unscaled
