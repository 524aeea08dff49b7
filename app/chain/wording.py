"""What contracts' errors mean, one sentence each: those of the standards, and those of this economy's own contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The orders of the enums ``MintMine.Refusal`` and ``Redemption.State``.
CHOICES = {
    "refusal": (
        "there is no reason",
        "its deadline has passed",
        "its digest was used",
        "its evidence was used",
        "its signatures are not valid",
        "it has no contributor, reward or evidence",
        "the emission refused it: cap, epoch budget or a paused token",
    ),
    "redemption": ("unknown", "requested", "completed", "cancelled", "refunded"),
}

# ERC-6093 and OpenZeppelin 5: what tokens that the console did not build answer too. By signature. What follows a colon says how a
# value reads: an amount of the token, a time, a role, one of ``CHOICES``; without it, an account reads as it is called here.
STANDARD: Mapping[str, str] = {
    "ERC20InsufficientBalance(address sender,uint256 balance,uint256 needed)": (
        "{sender} holds {balance:amount}, and {needed:amount} would be taken"
    ),
    "ERC20InvalidSender(address sender)": "{sender} cannot send this token",
    "ERC20InvalidReceiver(address receiver)": "{receiver} cannot receive this token",
    "ERC20InsufficientAllowance(address spender,uint256 allowance,uint256 needed)": (
        "{spender} is allowed to take {allowance:amount}, and {needed:amount} would be taken"
    ),
    "ERC20InvalidApprover(address approver)": "{approver} cannot allow anybody to take this token",
    "ERC20InvalidSpender(address spender)": "{spender} cannot be allowed to take this token",
    "ERC20ExceededCap(uint256 increasedSupply,uint256 cap)": (
        "the supply would become {increasedSupply:amount}, above the cap of {cap:amount}"
    ),
    "AccessControlUnauthorizedAccount(address account,bytes32 neededRole)": "{account} does not hold the role {neededRole:role}",
    "AccessControlBadConfirmation()": "a role is given up only by the account that holds it",
    "OwnableUnauthorizedAccount(address account)": "{account} is not the owner of the contract",
    "OwnableInvalidOwner(address owner)": "{owner} cannot be the owner of the contract",
    "EnforcedPause()": "the contract is paused",
    "ExpectedPause()": "the contract is not paused",
    "ReentrancyGuardReentrantCall()": "the contract is called again while it still works on a call",
    "SafeERC20FailedOperation(address token)": "the token {token} did not do what it was asked for",
    "InvalidInitialization()": "the contract was set up before",
    "ERC2612ExpiredSignature(uint256 deadline)": "the signed permit ran out at {deadline:time}",
    "ERC2612InvalidSigner(address signer,address owner)": "the permit was signed by {signer}, and the owner is {owner}",
}

# Those of Emission, MintMine, MineableAzora, Redemption and AzoraToken. Another contract may mean something else by the same name.
ECONOMY: Mapping[str, str] = {
    "NotStarted(uint64 start)": "minting begins at {start:time}",
    "EpochBudgetExceeded(uint256 epoch,uint256 asked,uint256 left)": (
        "epoch {epoch} has {left:amount} left, and {asked:amount} would be minted"
    ),
    "Refused(bytes32 digest,uint8 reason)": "the proof is refused: {reason:refusal}",
    "BadThreshold()": "as many signatures cannot be asked for",
    "BadBurnRate()": "more than the whole reward cannot be burned",
    "LengthsDiffer()": "there must be one list of signatures for each proof",
    "OnlySelf()": "only the contract itself calls this",
    "NotASolution(bytes32 digest,uint256 target,bytes32 challenge)": (
        "the digest of the work is above the target, or belongs to another challenge"
    ),
    "MiningIsOver(uint256 era)": "mining is over: era {era} pays nothing",
    "TooEarly(uint256 notBefore)": "it is too early: not before {notBefore:time}",
    "NothingAsked()": "an amount of 0 is asked for",
    "NotOpen(uint256 id,uint8 state)": "redemption {id} is not open: it is {state:redemption}",
    "NotYours(uint256 id)": "redemption {id} is another account's",
    "NotTimedOut(uint256 id,uint64 refundableAt)": "redemption {id} is not given back before {refundableAt:time}",
    "NoBankReference()": "the reference of the bank is missing",
    "BadParameter()": "a parameter is missing or out of its bounds",
    "NoAdmin()": "the contract needs an administrator",
}

# Errors with amounts that a token raises about itself; only these calls make it do so.
OWN_CALLS = frozenset(
    (
        "0xa9059cbb",  # transfer
        "0x23b872dd",  # transferFrom
        "0x095ea7b3",  # approve
        "0x40c10f19",  # mint
        "0x42966c68",  # burn
        "0x79cc6790",  # burnFrom
    )
)


@dataclass(frozen=True, slots=True)
class Names:
    """How people call what is on a network.

    Attributes:
        accounts: labels by EIP-55 address.
        units: symbol and decimals by address of the economy's contracts, which all count in its token.
    """

    accounts: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, tuple[str, int]] = field(default_factory=dict)
