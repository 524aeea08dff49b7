"""Start and end of the tour: the window, the script, the checks by the stand-alone verifier, and the report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from ui.theme import MODES
from ui.tour.driver import Driver, Heartbeat
from ui.tour.story import Notes, Story

VERIFIER = Path(__file__).resolve().parents[2] / "app" / "audit" / "verifier.py"


def run(home: str | None, arguments: list[str]) -> int:
    """``tour --out DIR [--json] [--size 1440x900] [--themes light,dark]``.

    Returns 0 when every check holds, 9 when one does not, 1 when the tour stuck, 2 for a bad call.

    Without ``--home`` it uses a fresh home inside DIR, so that nothing of the operator's is touched.
    """
    out = _option(arguments, "--out")
    if not out:
        print("tour needs --out DIR. Nothing was done.", file=sys.stderr)
        return 2
    size = re.fullmatch(r"(\d{3,4})x(\d{3,4})", _option(arguments, "--size") or "1440x900")
    themes = tuple((_option(arguments, "--themes") or "light,dark").split(","))
    if size is None or not set(themes) <= set(MODES):
        print(f"--size is WIDTHxHEIGHT in pixels, --themes some of {', '.join(MODES)}. Nothing was done.", file=sys.stderr)
        return 2
    folder = Path(out).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    place = Path(home) if home else folder / f"home-{os.getpid()}"
    began = time.monotonic()

    from ui.application import build, make_application, watch_faults
    from ui.collector import Collector

    application = make_application()
    place.mkdir(parents=True, exist_ok=True)
    watch_faults(place)
    collector = Collector()
    window = build(place)
    window.resize(int(size[1]), int(size[2]))
    window.show()
    heartbeat = Heartbeat()
    notes = Notes(folder)
    story = Story(window, notes, heartbeat, themes)
    problems: list[str] = []

    def ended(error: BaseException | None) -> None:
        if error is not None:
            problems.append("".join(traceback.format_exception_only(error)).strip())
            traceback.print_exception(error)
            if not story.secret():
                window.grab().save(str(folder / "stuck.png"), "PNG")
        application.quit()

    sys.excepthook = lambda kind, error, trace: (sys.__excepthook__(kind, error, trace), problems.append(repr(error)))[0]
    driver = Driver(story.script(), ended)
    window.bridge.start(place)
    driver.start()
    print("Tour of the demo economy (DEMO: keys, chain and figures are made for it)", flush=True)
    application.exec()
    measurements = {
        "event_loop": heartbeat.report(),
        "durations_seconds": notes.durations,
        "total_seconds": round(time.monotonic() - began, 2),
    }
    window.close()
    collector.stop()
    _stop_chain(place)
    checks, material = _verify(notes)
    checks.insert(
        0,
        {
            "name": "the tour came to its end",
            "ok": not problems,
            "detail": "; ".join(problems) or f"{len(notes.pictures)} pictures",
        },
    )
    report = {
        "demo": True,
        "ephemeral_keyring": os.environ.get("AZORA_EPHEMERAL_KEYRING") == "1",
        "home": str(place),
        "checks": checks,
        "seen": notes.seen,
        "plans": notes.plans,
        "pictures": notes.pictures,
        "bundle": notes.bundle,
        "material": material,
        "measurements": measurements,
    }
    (folder / "tour.json").write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    good = all(check["ok"] for check in checks)
    if "--json" in arguments:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        for check in checks:
            print(f"{'ok    ' if check['ok'] else 'FAILED'}  {check['name']}: {check['detail']}")
        loop = measurements["event_loop"]
        print(f"event loop: p99 {loop['p99_ms']} ms, longest {loop['max_ms']} ms, {loop['stalls_over_50_ms']} stalls over 50 ms")  # type: ignore[index]
        print(f"Results: {folder}")
    return 0 if good else 1 if problems else 9


def _option(arguments: list[str], name: str) -> str:
    for i, word in enumerate(arguments):
        if word == name and i + 1 < len(arguments):
            return arguments[i + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return ""


def _verify(notes: Notes) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Checks by a Python process that has nothing but the verifier, and the figures of the bundle it read."""
    if not notes.bundle:
        return [{"name": "evidence bundle", "ok": False, "detail": "none was exported"}], {}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(VERIFIER), notes.bundle, "--json"], capture_output=True, text=True, check=False
    )
    try:
        said = json.loads(done.stdout)
    except ValueError:
        return [{"name": "stand-alone verifier", "ok": False, "detail": (done.stderr or done.stdout)[-500:]}], {}
    checks = [{"name": f"verifier: {c['name']}", "ok": c["ok"], "detail": c["detail"]} for c in said.get("checks", [])]
    journal, sums = notes.seen.get("journal", ""), notes.seen.get("reconciliation", "")
    checks.append({"name": "journal verified in the window", "ok": "whole" in journal, "detail": journal})
    checks.append({"name": "reconciled in the window", "ok": sums.startswith("Reconciled"), "detail": sums})
    return checks, _material(Path(notes.bundle))


def _material(bundle: Path) -> dict[str, Any]:
    """Addresses, blocks, hashes and balances as the bundle's manifest states them."""
    import zipfile

    with zipfile.ZipFile(bundle) as archive:
        manifest: dict[str, Any] = json.loads(archive.read("manifest.json"))
    return manifest


def _stop_chain(place: Path) -> None:
    """The demo's node is not left behind by a tour that nobody watches."""
    import signal

    for record in place.glob("chains/*/node.json"):
        pid = int(json.loads(record.read_text(encoding="utf-8")).get("pid") or 0)
        if pid:
            try:
                os.kill(pid, signal.SIGTERM)
            except OSError:
                continue
