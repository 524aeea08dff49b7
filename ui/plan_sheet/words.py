"""How the sheet says things: the names of actions, effects, losses and states, in one place and without a widget."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.core import money
from app.core.money import exact_units, short_units
from ui.widgets.values import MASK, amounts_hidden, is_unit, know_unit

if TYPE_CHECKING:
    from app.operations.plans import Effect, Plan

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-fA-F]{40,}")
STEPS = ("Plan", "Preview", "Confirm", "Progress", "Receipt")
FORM, PREVIEW, CONFIRM, PROGRESS, RECEIPT = range(5)

# The confirm button names the action (design 5); a kind that is not listed is named by its verb.
_ACTIONS = {
    "wallets.transfer": "Sign and send",
    "wallets.create": "Create wallet",
    "wallets.import": "Import key",
    "wallets.add": "Add accounts",
    "wallets.sign": "Sign",
    "wallets.approve": "Sign and approve",
    "wallets.revoke": "Sign and revoke",
    "wallets.payout": "Sign and pay",
    "wallets.delete": "Delete for good",
    "chain.speed_up": "Sign at this price",
    "chain.cancel": "Sign the cancellation",
    "chain.repair": "Repair the queue",
    "contracts.deploy": "Sign and deploy",
    "contracts.call": "Sign and call",
    "mining.mint": "Sign and mint",
    "redemption.request": "Sign and move to escrow",
    "redemption.complete": "Sign and burn the escrow",
    "redemption.cancel": "Sign and cancel the request",
    "chain.start": "Start chain",
    "chain.stop": "Stop chain",
    "chain.mine": "Mine blocks",
    "chain.fund": "Fund account",
}
_DONE = {
    "wallets.transfer": "Sent and reconciled",
    "wallets.create": "Wallet created",
    "wallets.import": "Key imported",
    "wallets.add": "Accounts added",
    "wallets.sign": "Signed",
    "wallets.approve": "Approved and checked",
    "wallets.revoke": "Taken back and checked",
    "wallets.payout": "Paid and checked",
    "wallets.delete": "Deleted",
    "chain.speed_up": "Sent at the new price",
    "chain.cancel": "Cancelled: nothing was sent at this nonce",
    "chain.repair": "The queue is whole again",
    "contracts.deploy": "Deployed and checked",
    "contracts.call": "Called and checked",
    "mining.mint": "Minted and checked",
    "redemption.request": "Moved to escrow",
    "redemption.complete": "Completed, the escrow is burned",
    "redemption.cancel": "Cancelled, the escrow is returned",
}
_KEYS = {
    "inKeyring": "in the keyring",
    "watchOnly": "watched, no key",
    "external": "at an external signer",
    "missing": "key missing",
    "unknown": "cannot be told",
    "none": "not here",
}
_LOSSES = {
    "wallets.transfer": "A sent transfer cannot be taken back. Only the owner of the receiving address could return it.",
    "wallets.create": "The recovery phrase is stored in the system keyring. Without your own copy a lost keyring is a lost wallet.",
    "wallets.import": "The key is stored in the system keyring. Whoever else holds it can still use it.",
    "wallets.sign": "A signature cannot be called back: whoever has it can use it.",
    "wallets.approve": "The spender can take up to this much at any time, without asking again, until you take it back.",
    "wallets.payout": "Sent payments cannot be taken back. Rows that fail are named; the others stay paid.",
    "contracts.call": "What a call changed stays, unless the contract itself can undo it. Its fee is not returned.",
    "contracts.deploy": "Deployed contracts stay on the chain for good, and their fees are not returned.",
    "mining.mint": "A mint cannot be taken back. Each proof and its evidence can be used only once.",
    "redemption.request": "The amount stays in escrow until the request is completed, cancelled or refunded.",
    "redemption.complete": "A burn cannot be taken back. The bank payment is your own statement; the chain cannot prove it.",
    "redemption.cancel": "A cancelled request cannot be opened again; a new one can be made.",
}


def action(kind: str) -> str:
    """The confirm button of a kind of plan."""
    if kind in _ACTIONS:
        return _ACTIONS[kind]
    verb = kind.rpartition(".")[2].replace("_", " ")
    return f"{verb[:1].upper()}{verb[1:]}"


def done(kind: str) -> str:
    """What a finished plan of this kind says of itself."""
    return _DONE.get(kind, "Done")


def losses(plan: Plan) -> list[str]:
    """What cannot be undone: the preview's own notes first, else the sentence of the kind."""
    notes = list(plan.preview.notes) if plan.preview else []
    sentence = _LOSSES.get(plan.kind, "")
    if sentence and not any("cannot be" in note or "stay" in note for note in notes):
        notes.insert(0, sentence)
    return notes


def typed_label(plan: Plan, wanted: str) -> str:
    """The heading of the typed check; empty when nothing must be typed."""
    if not wanted:
        return ""
    if wanted == plan.target.name:
        return "Type the network's name to confirm"
    return "Type the amount to confirm" if amounts_hidden() else f"Type {wanted} to confirm"


def same_typed(text: str, wanted: str) -> bool:
    """A typed confirmation, forgiving grouping and trailing zeros of an amount, nothing else."""
    clean = text.strip()
    if not wanted.replace(".", "", 1).isdigit():
        return clean == wanted
    clean = clean.replace(",", "").replace(" ", "").replace("\u202f", "").replace("\u00a0", "")
    if "." in clean:
        clean = clean.rstrip("0").rstrip(".")
    return clean == wanted


def is_amount(effect: Effect) -> bool:
    """Before and after are integers of a unit."""
    return bool(effect.unit) and _integer(effect.before) and _integer(effect.after)


def kind(effect: Effect) -> str:
    """What sort of figure it is: the unit of a balance, else its sort and unit."""
    if effect.kind == "balance" and effect.unit:
        return effect.unit
    sort = effect.kind.replace("_", " ").capitalize()
    return f"{sort}, {effect.unit}" if effect.unit and effect.kind in ("supply", "allowance", "fee") else sort


def parties(effect: Effect) -> list[tuple[str, str]]:
    """Who it is about, as (address, label): an allowance has an owner and a spender."""
    owner, arrow, spender = effect.subject.partition("→")
    if not arrow or effect.kind != "allowance":
        return [(effect.subject, effect.label or ("Total supply" if effect.kind == "supply" else ""))]
    first, _, second = effect.label.partition(" → ")
    return [(owner, first if "…" not in first else ""), (spender, second if "…" not in second else "")]


def unlimited(effect: Effect, text: str) -> bool:
    """Whether one side is an allowance without an end."""
    return effect.kind == "allowance" and _integer(text) and money.unlimited(int(text))


def value(effect: Effect, text: str) -> str:
    """One side of an effect as the sheet shows it: money cut to 4 decimals (6 for the coin that pays fees), words as they are."""
    if unlimited(effect, text):
        return "unlimited"
    if effect.unit and _integer(text):
        know_unit(effect.unit)
        if amounts_hidden():
            return MASK
        number = int(text)
        return short_units(number, effect.decimals, 4 if effect.unit == "AZR" else 6)
    if effect.kind == "key":
        return _KEYS.get(text, text)
    return _ADDRESS.sub(lambda found: short_hash(found[0]), short_hash(text) if _HASH.fullmatch(text) else text) or "nothing"


def exact(effect: Effect, text: str) -> str:
    """One side of an effect with all decimals, for tooltips and copying."""
    if unlimited(effect, text):
        return f"unlimited {effect.unit}".strip()
    if effect.unit and _integer(text):
        if amounts_hidden():
            return f"{MASK} {effect.unit}"
        return f"{exact_units(int(text), effect.decimals)} {effect.unit}"
    return text


def change(effect: Effect) -> str:
    """The signed difference, ``−12,500.0000``; empty when before and after are words."""
    if not is_amount(effect) or unlimited(effect, effect.before) or unlimited(effect, effect.after):
        return ""
    if amounts_hidden():
        return MASK
    difference = int(effect.after) - int(effect.before)
    sign = "+" if difference > 0 else ""
    return f"{sign}{short_units(difference, effect.decimals, 4 if effect.unit == 'AZR' else 6)}"


def coin(value: int, unit: str, *, exact: bool = False) -> str:
    """An amount of the coin that pays fees, cut to 6 decimals, with its unit."""
    know_unit(unit)
    if amounts_hidden():
        return f"{MASK} {unit}"
    return f"{exact_units(value, 18) if exact else short_units(value, 18, 6)} {unit}"


def gwei(wei: int) -> str:
    """A price per gas with two decimals, or exactly where two would say nothing."""
    from app.chain.fees import gwei as exactly

    return f"{wei / 10**9:,.2f}" if wei >= 10**7 or not wei else exactly(wei)


def argument(text: str) -> str:
    """An argument of a call; a number with decimals is money."""
    return MASK if amounts_hidden() and text.replace(".", "", 1).replace(",", "").isdigit() else text


def shows_amounts(plan: Plan) -> bool:
    """Whether what the plan would do is told in amounts, so that hiding them would hide what is signed."""
    preview = plan.preview
    return bool(preview and (preview.fee is not None or any(is_unit(effect.unit) or effect.unit for effect in preview.effects)))


def who(effect: Effect) -> str:
    """The subject of an effect as people call it."""
    if effect.label:
        return effect.label
    return " → ".join(label or (short_hash(who) if who.startswith("0x") else who) for who, label in parties(effect))


def short_hash(text: str) -> str:
    """``0x7a3f…91c2``; anything short stays whole."""
    return f"{text[:6]}…{text[-4:]}" if len(text) > 14 else text


def clock(at_ms: int) -> str:
    """``14:32:07`` of a UTC millisecond time, with the day when it is not today's; empty for 0."""
    if not at_ms:
        return ""
    when = datetime.fromtimestamp(at_ms / 1000, UTC)
    if when.date() == datetime.now(UTC).date():
        return when.strftime("%H:%M:%S")
    return f"{when.day} {when.strftime('%b %H:%M:%S')}"


def moment(at_ms: int) -> str:
    """``14:32:07 UTC`` today, ``18 Mar 14:32:07 UTC`` else."""
    return f"{clock(at_ms)} UTC" if at_ms else ""


def took(milliseconds: int) -> str:
    """A duration: ``0.9 s``, ``2 min 4 s``."""
    seconds = max(0, milliseconds) / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _integer(text: str) -> bool:
    return text.removeprefix("-").isdigit()
