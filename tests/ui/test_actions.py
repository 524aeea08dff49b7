"""One registry of actions: what is in it can be run, linked and found; a link is input from outside and never more than told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid, NotFound
from ui.actions import Action, Registry
from ui.actions.registry import parse_link
from ui.shell.palette import score

WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)


def registry(*ids: str, why: str = "") -> tuple[Registry, list[tuple[str, dict[str, str]]]]:
    made, ran = Registry(), []
    for name in ids:
        made.add(Action(name, name.title(), lambda given, name=name: ran.append((name, given)), enabled=lambda: why))
    return made, ran


def test_two_actions_of_one_id_are_a_bug() -> None:
    made, _ = registry("go.ledger")
    with pytest.raises(ValueError, match=r"go\.ledger"):
        made.add(Action("go.ledger", "Again", lambda _: None))


def test_what_cannot_be_done_now_says_why_and_does_not_run() -> None:
    made, ran = registry("console.lock", why="no passphrase is set.")
    with pytest.raises(Invalid, match="no passphrase is set"):
        made.run("console.lock")
    assert ran == []


def test_an_unknown_action_is_named() -> None:
    with pytest.raises(NotFound, match="wallets.fly"):
        registry()[0].run("wallets.fly")


@pytest.mark.parametrize(
    ("link", "ran"),
    [
        ("azora://ledger", ("go.ledger", {})),
        ("azora://ledger?section=rows", ("go.ledger", {"section": "rows"})),
        ("azora://ledger?do=index", ("go.ledger", {})),
        ("azora://ledger/tx/0xAb", ("ledger.tx", {"ref": "0xAb"})),
        ("azora://ledger/tx/a/b", ("ledger.tx", {"ref": "a/b"})),
        ("azora://ledger/tx", ("ledger.tx", {})),
        ("azora://ledger/0xAb", ("go.ledger", {"ref": "0xAb"})),
        ("azora://ledger/0xAb?ref=other", ("go.ledger", {"ref": "0xAb"})),
        ("azora://ledger?self=1&action_id=2&panel_id=3", ("go.ledger", {"self": "1", "action_id": "2", "panel_id": "3"})),
        ("azora://plans/PLN-0001", ("plans.open", {"ref": "PLN-0001"})),
        ("azora://plans", ("plans.open", {"ref": ""})),
    ],
)
def test_a_link_names_an_action_and_its_arguments(link: str, ran: tuple[str, dict[str, str]]) -> None:
    made, done = registry("go.ledger", "ledger.tx", "plans.open")
    made.open_link(link)
    assert done == [ran]


@given(WORDS, WORDS, WORDS.filter(lambda word: word != "plans"))
def test_a_link_says_what_was_put_into_it(panel: str, verb: str, reference: str) -> None:
    if panel != "plans":
        assert parse_link(f"azora://{panel}/{verb}/{reference}?a=b") == (f"{panel}.{verb}", {"a": "b", "ref": reference})
        assert parse_link(f"azora://{panel}") == (f"go.{panel}", {})


@given(st.one_of(st.text(max_size=80), st.text(max_size=80).map("azora://".__add__)))
def test_no_text_is_more_than_refused(text: str) -> None:
    made, _ = registry("go.ledger", "ledger.tx", "plans.open")
    try:
        made.open_link(text)
    except (Invalid, NotFound) as error:
        assert error.message.endswith(".")
    else:
        assert text.startswith("azora://")


def test_an_action_that_is_added_is_told(qtbot: Any) -> None:
    made, _ = registry()
    with qtbot.waitSignal(made.changed):
        made.add(Action("a.b", "A", lambda _: None))


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_every_word_must_occur_for_a_command_to_be_found(words: list[str]) -> None:
    assert score(" ".join(words), " ".join(words), ()) > 0
    assert score(" ".join([*words, "§"]), " ".join(words), ()) == 0


def test_the_beginning_of_a_title_counts_more_than_the_middle_of_a_word() -> None:
    assert score("min", "Mint ready proofs", ()) > score("min", "Act as administrator", ())
