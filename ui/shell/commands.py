"""The actions of the window and of its panels, in one place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ui.actions import Action

if TYPE_CHECKING:
    from ui.shell.window import MainWindow

# id, title, icon, panel, arguments, leads to a plan
PANEL_ACTIONS: tuple[tuple[str, str, str, str, dict[str, str], bool], ...] = (
    ("wallets.new", "New wallet", "plus", "wallets", {"form": "new"}, True),
    ("wallets.restore", "Restore wallet", "arrow-counter-clockwise", "wallets", {"form": "restore"}, True),
    ("wallets.import", "Import", "download-simple", "wallets", {"form": "import"}, True),
    ("wallets.watch", "Watch address", "eye", "wallets", {"form": "watch"}, True),
    ("wallets.payout", "Pay out a table", "file-csv", "wallets", {"form": "payout"}, True),
    ("wallets.external", "Add external signer", "plugs-connected", "wallets", {"form": "external"}, True),
    ("wallets.hand", "Sign a request of another console", "signature", "wallets", {"form": "hand"}, True),
    ("wallets.reveal", "Reveal a phrase or key", "eye", "wallets", {"form": "reveal"}, True),
    ("wallets.export", "Export a keystore file", "export", "wallets", {"form": "export"}, True),
    ("wallets.delete", "Delete an account", "trash", "wallets", {"form": "delete"}, True),
    ("wallets.sign", "Sign a message or typed data", "signature", "wallets", {"form": "sign"}, True),
    ("wallets.verify", "Verify a signature", "seal-check", "wallets", {"form": "verify"}, True),
    ("wallets.contacts", "Contacts", "address-book", "wallets", {"form": "contacts"}, True),
    ("wallets.contact", "Add contact", "address-book", "wallets", {"form": "contact"}, True),
    ("wallets.approve", "Approve a spender", "hand-coins", "wallets", {"form": "approve"}, True),
    ("wallets.token", "Add token", "coins", "wallets", {"form": "token"}, True),
    ("wallets.receive", "Receive", "qr-code", "wallets", {"form": "receive"}, True),
    ("wallets.group", "Move account to group", "folder-simple", "wallets", {"form": "group"}, True),
    ("wallets.drill", "Drill a backup", "first-aid-kit", "wallets", {"form": "drill"}, True),
    ("wallets.adding", "Add accounts of a phrase", "plus", "wallets", {"form": "adding"}, True),
    ("wallets.rename", "Edit label", "tag", "wallets", {"form": "rename"}, True),
    ("wallets.send", "Send", "paper-plane-tilt", "wallets", {"form": "send"}, True),
    ("mining.submit", "Submit proof", "plus", "mining", {"form": "submit"}, True),
    ("mining.import", "Import list of proofs", "file-csv", "mining", {"form": "import"}, True),
    ("mining.watch", "Watch folder for proofs", "folder-open", "mining", {"do": "watch"}, True),
    ("mining.mint", "Mint ready proofs", "coins", "mining", {"form": "mint"}, True),
    ("mining.review", "Review proofs", "seal-check", "mining", {"tab": "review"}, False),
    ("mining.accept", "Accept the chosen proofs", "check", "mining", {"do": "accept"}, False),
    ("mining.reject", "Reject the chosen proofs", "x", "mining", {"do": "reject"}, False),
    ("mining.ask", "Ask for more about the chosen proofs", "question", "mining", {"do": "ask"}, False),
    ("mining.revoke", "Revoke the chosen ready proofs", "prohibit", "mining", {"do": "revoke"}, False),
    ("mining.undo", "Take the last answer back", "arrow-counter-clockwise", "mining", {"do": "undo"}, False),
    ("mining.signatures", "Import signatures of attesters", "signature", "mining", {"form": "signatures"}, True),
    ("mining.attest", "Attest the proofs of a file", "pen-nib", "mining", {"form": "attest"}, True),
    ("mining.policy", "Reward policy", "scales", "mining", {"tab": "policy"}, False),
    ("mining.burn_rate", "Set the burn rate of the contract", "fire", "mining", {"form": "burn_rate"}, True),
    ("mining.emission", "Emission", "chart-line", "mining", {"tab": "emission"}, False),
    ("mining.worker", "Start worker", "play", "mining", {"form": "worker"}, True),
    ("mining.redeem", "Request redemption", "bank", "mining", {"form": "redeem"}, True),
    ("mining.redemptions", "Redemptions", "bank", "mining", {"tab": "redemptions"}, False),
    ("mining.statements", "Bank statements", "bank", "mining", {"form": "statements"}, False),
    ("mining.prices", "Prices of redemption and power", "coins", "mining", {"form": "prices"}, False),
    ("mining.complete", "Complete the chosen redemption", "check", "mining", {"do": "complete"}, True),
    ("mining.cancel", "Cancel the chosen redemption", "x", "mining", {"do": "cancel"}, True),
    ("mining.refund", "Refund the chosen redemption", "arrow-counter-clockwise", "mining", {"do": "refund"}, True),
    ("contracts.compile", "Compile", "hammer", "contracts", {"do": "compile"}, False),
    ("contracts.watch", "Compile whenever a source changes, or stop that", "eye", "contracts", {"do": "watch"}, False),
    ("contracts.watch_tests", "Test whenever a source changes, or stop that", "eye", "contracts", {"do": "watch_tests"}, False),
    ("contracts.open", "Open folder", "folder-open", "contracts", {"do": "open"}, False),
    ("contracts.network", "Add a network of the project", "globe-hemisphere-west", "contracts", {"do": "network"}, False),
    ("contracts.editor", "Open the source in the editor", "arrow-square-out", "contracts", {"do": "editor"}, False),
    ("contracts.import", "Import a contract", "download-simple", "contracts", {"form": "import"}, True),
    ("contracts.grant", "Grant a role", "shield-check", "contracts", {"form": "grant"}, True),
    ("contracts.revoke", "Revoke a role", "prohibit", "contracts", {"form": "revoke"}, True),
    ("contracts.rotate", "Rotate a role", "arrows-clockwise", "contracts", {"form": "rotate"}, True),
    ("contracts.pause", "Pause a contract", "pause", "contracts", {"do": "pause"}, True),
    ("contracts.resume", "Let a contract go on", "play", "contracts", {"do": "resume"}, True),
    ("contracts.inspect", "Inspect a transaction", "magnifying-glass", "contracts", {"page": "transaction"}, False),
    ("contracts.tests", "Tests of a project", "flask", "contracts", {"page": "tests"}, False),
    ("contracts.deploy_one", "Deploy one contract", "rocket-launch", "contracts", {"form": "deploy_one"}, True),
    ("contracts.verify", "Verify a contract", "seal-check", "contracts", {"page": "verify"}, False),
    ("contracts.verify_source", "Verify against a source", "file-code", "contracts", {"form": "verify_source"}, False),
    ("contracts.gas", "Gas of contracts", "gauge", "contracts", {"page": "gas"}, False),
    ("contracts.deploy", "Deploy a system", "rocket-launch", "contracts", {"form": "deploy"}, True),
    ("ledger.index", "Index now", "arrows-clockwise", "ledger", {"do": "index"}, False),
    ("ledger.reconcile", "Reconcile", "scales", "ledger", {"do": "reconcile"}, False),
    ("ledger.prove", "Prove the total supply", "seal-check", "ledger", {"do": "prove"}, False),
    ("ledger.bundle", "Export bundle", "export", "ledger", {"do": "bundle"}, True),
    ("cluster.add", "Add kubeconfig", "plus", "cluster", {"form": "add"}, True),
    ("cluster.apply", "Apply manifests", "file-code", "cluster", {"form": "apply"}, True),
    ("cluster.scale", "Scale", "gauge", "cluster", {"form": "scale"}, True),
    ("cluster.edit", "Edit YAML", "pencil-simple", "cluster", {"form": "edit"}, True),
    ("cluster.restart", "Restart a workload", "arrows-clockwise", "cluster", {"form": "restart"}, True),
    ("cluster.undo", "Undo a rollout", "arrow-counter-clockwise", "cluster", {"form": "undo"}, True),
    ("cluster.pause", "Pause a rollout", "pause", "cluster", {"form": "pause"}, True),
    ("cluster.resume", "Resume a rollout", "play", "cluster", {"form": "resume"}, True),
    ("cluster.promote", "Promote the new version", "arrow-up-right", "cluster", {"form": "promote"}, True),
    ("cluster.abort", "Abort a canary", "x", "cluster", {"form": "abort"}, True),
    ("cluster.sync", "Sync with Git", "git-commit", "cluster", {"form": "sync"}, True),
    ("cluster.rollback", "Roll back with Argo CD", "arrow-counter-clockwise", "cluster", {"form": "rollback"}, True),
    ("cluster.weight", "Weight of a canary", "funnel", "cluster", {"form": "weight"}, True),
    ("cluster.cordon", "Cordon a node", "pause", "cluster", {"form": "cordon"}, True),
    ("cluster.uncordon", "Uncordon a node", "play", "cluster", {"form": "uncordon"}, True),
    ("cluster.drain", "Drain a node", "export", "cluster", {"form": "drain"}, True),
    ("cluster.delete", "Delete an object", "trash", "cluster", {"form": "delete"}, True),
    ("cluster.namespaces", "Namespaces to look in", "folder-simple", "cluster", {"form": "namespaces"}, True),
    ("cluster.run", "Run a command in a pod", "terminal-window", "cluster", {"form": "run"}, True),
    ("cluster.query", "Query Prometheus", "magnifying-glass", "cluster", {"form": "query"}, False),
    ("cluster.topology", "Topology of an object", "tree-structure", "cluster", {"form": "topology"}, False),
    ("cluster.enlarge", "Enlarge what is looked at, and back", "arrows-out-simple", "cluster", {"form": "enlarge"}, False),
    ("cluster.zoom_in", "Topology: zoom in", "plus", "cluster", {"form": "zoom in"}, False),
    ("cluster.zoom_out", "Topology: zoom out", "minus", "cluster", {"form": "zoom out"}, False),
    ("cluster.fit", "Topology: show all of it", "tree-structure", "cluster", {"form": "fit"}, False),
    ("cluster.tunnels", "Tunnels", "plugs-connected", "cluster", {"form": "tunnels"}, False),
    ("chains.new", "New chain", "plus", "chains", {"form": "new"}, True),
    ("chains.fork", "Fork a network", "tree-structure", "chains", {"form": "fork"}, True),
    ("chains.fund", "Fund an account", "coins", "chains", {"form": "fund"}, True),
    ("chains.impersonate", "Send as any account", "user", "chains", {"form": "impersonate"}, True),
    ("chains.snapshot", "Take a snapshot", "plus", "chains", {"form": "snapshot"}, True),
    ("chains.import", "Import a snapshot", "download-simple", "chains", {"form": "import"}, True),
    ("chains.export", "Export a snapshot", "export", "chains", {"do": "export"}, False),
    ("chains.return", "Return to a snapshot", "arrow-counter-clockwise", "chains", {"form": "return"}, True),
    ("chains.forget", "Delete a snapshot", "trash", "chains", {"form": "forget"}, True),
    ("chains.restart", "Restart the chain", "arrows-clockwise", "chains", {"do": "restart"}, True),
    ("chains.warp", "Move the clock ahead", "clock", "chains", {"form": "warp"}, True),
    ("chains.reorg", "Reorganise the last blocks", "arrows-left-right", "chains", {"form": "reorg"}, True),
    ("chains.drop", "Drop a transaction", "x", "chains", {"form": "drop"}, True),
    ("chains.delete", "Delete the chain", "trash", "chains", {"form": "delete"}, True),
    ("overview.demo", "Start the demo economy", "play", "overview", {"do": "demo"}, False),
    ("overview.connect", "Connect to a network", "plugs-connected", "settings", {"section": "networks"}, True),
)
SHORTCUTS = {"wallets.rename": "F2", "contracts.pause": "Ctrl+Shift+P"}
WITH_REFERENCE = (
    ("ledger.tx", "Transaction", "ledger"),
    ("ledger.address", "Address", "ledger"),
    ("ledger.block", "Block", "ledger"),
)


def register(window: MainWindow, panels: list[tuple[str, str, str, str, bool]]) -> None:
    """Add every action to the window's registry. The order is the palette's."""
    add = window.registry.add
    for panel, title, symbol, shortcut, _ in panels:
        add(Action(f"go.{panel}", f"Go to {title}", lambda a, p=panel: window.open(p, **a), symbol, shortcut, "Go"))  # type: ignore[misc]
    for action, title, symbol, panel, arguments, changes in PANEL_ACTIONS:

        def go(given: dict[str, str], panel: str = panel, arguments: dict[str, str] = arguments) -> None:
            window.open(panel, **{**arguments, **given})

        keys = SHORTCUTS.get(action, "")
        add(Action(action, title, go, symbol, keys, panel.capitalize(), changes=changes, by_link="do" not in arguments))
    for action, title, panel in WITH_REFERENCE:
        add(Action(action, title, lambda a, p=panel: window.open(p, **a), "arrows-left-right", palette=False))  # type: ignore[misc]
    add(Action("plans.open", "Open plan", lambda a: window.open_plan(a.get("ref", "")), "list-checks", palette=False))
    add(Action("jobs.open", "Open jobs", lambda a: window.open("jobs"), "list-checks", palette=False))
    _window_actions(window)


def _window_actions(window: MainWindow) -> None:
    def add(action: Action) -> None:
        window.registry.add(replace(action, by_link=False))

    add(
        Action(
            "palette.open",
            "Search or run a command",
            lambda _: window.palette.open(),
            "magnifying-glass",
            "Ctrl+K",
            "Window",
            palette=False,
        )
    )
    add(Action("journal.verify", "Verify the journal", lambda _: window.verify_journal(), "fingerprint", "", "Audit"))
    add(
        Action(
            "console.lock",
            "Lock the console",
            lambda _: window.lock_console(),
            "lock",
            "Ctrl+L",
            "Window",
            enabled=window.why_no_lock,
        )
    )
    add(
        Action(
            "window.amounts",
            "Hide or show amounts",
            lambda _: window.toggle_amounts(),
            "eye-slash",
            "Ctrl+Shift+H",
            "Window",
            keywords=("privacy", "discreet", "balance"),
        )
    )
    add(Action("history.back", "Back", lambda _: window.back(), "arrow-left", "Alt+Left, Ctrl+[", "Go"))
    add(Action("history.forward", "Forward", lambda _: window.forward(), "arrow-right", "Alt+Right, Ctrl+]", "Go"))
    add(
        Action(
            "window.collapse",
            "Collapse or expand the navigation",
            lambda _: window.toggle_navigation(),
            "sidebar-simple",
            "Ctrl+B",
            "Window",
        )
    )
    add(Action("window.sheet", "Show or hide the plan sheet", lambda _: window.toggle_sheet(), "list-checks", "Ctrl+P", "Window"))
    add(Action("window.refresh", "Read again", lambda _: window.refresh_panel(), "arrows-clockwise", "F5", "Window"))
    add(Action("window.filter", "Filter this pane", lambda _: window.focus_filter(), "funnel", "/", "Window"))
    add(Action("window.network", "Switch network", lambda _: window.top.open_networks(), "plugs", "Ctrl+Shift+N", "Window"))
    add(Action("window.link", "Copy link to this view", lambda _: window.copy_link(), "link", "", "Window"))
    add(Action("window.regions", "Next region", lambda _: window.next_region(1), "arrow-right", "F6", "Window"))
    add(Action("window.regions_back", "Previous region", lambda _: window.next_region(-1), "arrow-left", "Shift+F6", "Window"))
    add(
        Action(
            "help.keyboard", "Keyboard map", lambda _: window.show_keymap(), "keyboard", "F1", "Help", ("shortcuts", "keys", "?")
        )
    )
    for mode, word in (("system", "as the system"), ("dark", "dark"), ("light", "light"), ("high-contrast", "high contrast")):
        add(Action(f"theme.{mode}", f"Theme: {word}", lambda _, m=mode: window.set_theme(m), "palette", "", "Appearance"))  # type: ignore[misc]
    for role in ("administrator", "auditor", "developer"):
        add(Action(f"role.{role}", f"Act as {role}", lambda _, r=role: window.set_role(r), "user", "", "Access"))  # type: ignore[misc]
    add(Action("window.quit", "Quit", lambda _: window.close(), "sign-out", "Ctrl+Q", "Window"))
