"""A command in a container is a plan: run once, its output kept in memory only, refused where nothing may be changed."""

from __future__ import annotations

import json

import pytest

from app.core.errors import Invalid, NotFound
from app.operations.steps import StepContext
from tests.cluster.acting import World, told
from tests.cluster.aside import served
from tests.cluster.conftest import pod


def test_a_command_runs_once_and_its_output_stays_out_of_the_store(tmp_path):
    async def story(world: World) -> None:
        world.server.put(pod("a"))
        world.server.programs["df -h"] = ("42% used\n", "one warning\n", 3)
        plan = await world.actions.plan_exec("test", "shop", "a", ["df", "-h"])
        assert [(e.subject, e.after) for e in plan.preview.effects] == [("shop/a container main", "runs df -h")]
        assert world.actions.ran(plan.id) is None
        ended = await world.done(plan)
        ran = world.actions.ran(plan.id)
        assert (ran.exit_code, ran.text(errors=False), ran.text(errors=True)) == (3, "42% used\n", "one warning\n")
        assert world.actions.last_in("test", "shop", ["a"]) is ran
        assert ended.steps[-1].result["exit_code"] == 3
        assert "42% used" not in json.dumps([step.result for step in ended.steps], default=str)
        # After a crash nobody can tell: a new process looks, and never runs it again.
        step = world.actions._exec_step(ended, ended.steps[-1].spec)
        seen = await step.observe({"uid": plan.params["uid"]}, StepContext(ended, 0, (), lambda _: None))
        assert "not run again" in seen.failure

    told(tmp_path, story)


def test_what_seems_a_secret_or_leads_nowhere_is_not_planned(tmp_path):
    async def story(world: World) -> None:
        world.server.put(pod("a"))
        for words in (["sh", "-c", "PGPASSWORD=x psql"], ["psql", "postgresql://me:pw@db/x"], ["x", "--token", "abc"], []):
            with pytest.raises(Invalid, match="Nothing was planned"):
                await world.actions.plan_exec("test", "shop", "a", words)
        with pytest.raises(Invalid, match="it has main"):
            await world.actions.plan_exec("test", "shop", "a", ["ls"], container="side")
        with pytest.raises(NotFound):
            await world.actions.plan_exec("test", "shop", "none", ["ls"])

    told(tmp_path, story)


def test_a_read_only_cluster_and_another_pod_of_that_name_refuse(tmp_path):
    async def story(world: World) -> None:
        world.server.put(pod("a"))
        plan = await world.actions.plan_exec("test", "shop", "a", ["ls"])
        world.server.remove("Pod", "shop", "a")
        world.server.put(pod("a"))
        ended = await world.operations.preview(plan.id)
        assert "no longer the one" in ended.preview.error
        world.locked_down = True
        refused = await world.actions.plan_exec("test", "shop", "a", ["ls"])
        assert refused.preview.blocked

    told(tmp_path, story)


def test_the_command_line_gives_output_and_exit_code(azora, home, tmp_path):
    with served() as server:
        server.put(pod("a"))
        server.programs["ls /data"] = ("blocks\n", "", 4)
        azora.environ |= {"KUBECONFIG": str(server.kubeconfig(tmp_path / "config")), "AZORA_CLUSTER_GRACE_SECONDS": "0"}
        found = azora("--yes", "cluster", "exec", "a", "-n", "shop", "--", "ls", "/data", expect=4)
        assert found.out.endswith("blocks\n")
