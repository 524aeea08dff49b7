"""Each error that the console can tell in words says what it means, in the units and by the names that people use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from app.chain import abi, wording
from app.chain.reasons import error_abi, in_words, role_id
from app.contracts.toolchain import CONTRACTS

ANN, BOB, ZERO = "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa", "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB", "0x" + "00" * 20
LABELS = {ANN: "Ann"}
AZR = 10**18
NOON = 1_800_000_000

SAID: dict[str, tuple[list[object], str]] = {
    "ERC20InsufficientBalance": ([ANN, 5 * AZR // 2, 7_000 * AZR], "Ann (0xaAaA…aaAa) holds 2.5 AZR, and 7,000 AZR would be taken"),
    "ERC20InvalidSender": ([ZERO], "the zero address cannot send this token"),
    "ERC20InvalidReceiver": ([ZERO], "the zero address cannot receive this token"),
    "ERC20InsufficientAllowance": ([BOB, 1, AZR], f"{BOB} is allowed to take 0.000000000000000001 AZR, and 1 AZR would be taken"),
    "ERC20InvalidApprover": ([ANN], "Ann (0xaAaA…aaAa) cannot allow anybody to take this token"),
    "ERC20InvalidSpender": ([BOB], f"{BOB} cannot be allowed to take this token"),
    "ERC20ExceededCap": ([11 * AZR, 10 * AZR], "the supply would become 11 AZR, above the cap of 10 AZR"),
    "AccessControlUnauthorizedAccount": ([ANN, role_id("PAUSER_ROLE")], "Ann (0xaAaA…aaAa) does not hold the role PAUSER_ROLE"),
    "AccessControlBadConfirmation": ([], "a role is given up only by the account that holds it"),
    "OwnableUnauthorizedAccount": ([BOB], f"{BOB} is not the owner of the contract"),
    "OwnableInvalidOwner": ([ZERO], "the zero address cannot be the owner of the contract"),
    "EnforcedPause": ([], "the contract is paused"),
    "ExpectedPause": ([], "the contract is not paused"),
    "ReentrancyGuardReentrantCall": ([], "the contract is called again while it still works on a call"),
    "SafeERC20FailedOperation": ([BOB], f"the token {BOB} did not do what it was asked for"),
    "InvalidInitialization": ([], "the contract was set up before"),
    "ERC2612ExpiredSignature": ([NOON], "the signed permit ran out at 2027-01-15 08:00:00 UTC"),
    "ERC2612InvalidSigner": ([BOB, ANN], f"the permit was signed by {BOB}, and the owner is Ann (0xaAaA…aaAa)"),
    "NotStarted": ([NOON], "minting begins at 2027-01-15 08:00:00 UTC"),
    "EpochBudgetExceeded": ([1_204, 3 * AZR, AZR // 2], "epoch 1,204 has 0.5 AZR left, and 3 AZR would be minted"),
    "Refused": ([bytes(32), 4], "the proof is refused: its signatures are not valid"),
    "BadThreshold": ([], "as many signatures cannot be asked for"),
    "BadBurnRate": ([], "more than the whole reward cannot be burned"),
    "LengthsDiffer": ([], "there must be one list of signatures for each proof"),
    "OnlySelf": ([], "only the contract itself calls this"),
    "NotASolution": ([bytes(32), 5, bytes(32)], "the digest of the work is above the target, or belongs to another challenge"),
    "MiningIsOver": ([64], "mining is over: era 64 pays nothing"),
    "TooEarly": ([2**255], f"it is too early: not before block time {2**255}"),
    "NothingAsked": ([], "an amount of 0 is asked for"),
    "NotOpen": ([7, 4], "redemption 7 is not open: it is refunded"),
    "NotYours": ([7], "redemption 7 is another account's"),
    "NotTimedOut": ([7, NOON], "redemption 7 is not given back before 2027-01-15 08:00:00 UTC"),
    "NoBankReference": ([], "the reference of the bank is missing"),
    "BadParameter": ([], "a parameter is missing or out of its bounds"),
    "NoAdmin": ([], "the contract needs an administrator"),
}


def declared(signatures: Iterable[str]) -> list[Mapping[str, Any]]:
    """The errors by their ABI."""
    return [error_abi(each) for each in signatures]


def raised(name: str, values: list[object]) -> str:
    """The revert data of an error of the tables."""
    (entry,) = [each for each in declared({**wording.STANDARD, **wording.ECONOMY}) if each["name"] == name]
    return "0x" + (abi.selector(entry) + abi.encode(abi.types_of(entry["inputs"]), values)).hex()


@pytest.mark.parametrize("name", SAID)
def test_an_error_says_what_it_means(name: str) -> None:
    values, said = SAID[name]
    assert in_words(raised(name, values), LABELS, ("AZR", 18), economy=True) == f"{said} ({name})"


def test_every_error_that_has_words_is_among_them() -> None:
    assert [each["name"] for each in declared({**wording.STANDARD, **wording.ECONOMY})] == list(SAID)


def test_every_error_of_the_economys_sources_has_words() -> None:
    """A new error in a contract needs a sentence here; one with other arguments needs another."""
    selectors = {abi.selector(each) for each in declared(wording.ECONOMY)}
    assert {abi.selector(each) for each in declared(errors_of_sources())} == selectors


def test_another_contracts_error_of_the_same_name_is_not_given_the_economys_meaning() -> None:
    data = raised("NotOpen", [7, 4])
    assert in_words(data, {}, ("AZR", 18)) == ""
    assert in_words(raised("EnforcedPause", []), {}) == "the contract is paused (EnforcedPause)"


@pytest.mark.parametrize("data", ["", "0x", "0xe450d38c", "0xe450d38c" + "00" * 40, "0x12345678", "0x01"])
def test_what_is_no_error_of_the_tables_is_left_to_others(data: str) -> None:
    assert in_words(data, {}, ("AZR", 18), economy=True) == ""


def test_without_a_unit_amounts_say_that_they_are_raw() -> None:
    said = in_words(raised("ERC20InsufficientBalance", [BOB, 5, 10**18]), {})
    assert (
        said
        == f"{BOB} holds 5, and 1,000,000,000,000,000,000 would be taken, in the token's smallest unit (ERC20InsufficientBalance)"
    )


def test_a_choice_that_nobody_knows_is_told_by_number() -> None:
    assert in_words(raised("Refused", [bytes(32), 9]), {}, economy=True) == "the proof is refused: number 9 (Refused)"


def errors_of_sources() -> list[str]:
    """Signatures of the errors that the Solidity sources declare; enums are uint8."""
    found = []
    for path in sorted((CONTRACTS / "src").glob("*.sol")):
        for name, inside in re.findall(r"^    error (\w+)\((.*?)\);", path.read_text(), re.MULTILINE):
            found.append(f"{name}({re.sub(r'(Refusal|State) ', 'uint8 ', inside).replace(', ', ',')})")
    return found
