// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {AzoraToken} from "./AzoraToken.sol";

/// @title Emission of AZR
/// @notice Alone holds the token's minter role. Sources (such as `MintMine`) ask it to mint; it keeps every epoch within its budget
/// and the supply within the cap.
/// @dev epoch = (block time − start) / length, rounded down. What an epoch does not use is not carried over.
contract Emission is AccessControl {
    /// @notice May ask for a mint.
    bytes32 public constant SOURCE_ROLE = keccak256("SOURCE_ROLE");

    /// @notice The token that is minted.
    AzoraToken public immutable token;

    /// @notice Start of epoch 0, in seconds since 1970.
    uint64 public immutable start;

    /// @notice Length of an epoch in seconds.
    uint64 public immutable epochLength;

    /// @notice The most that may be minted in one epoch, in the smallest unit.
    uint256 public epochBudget;

    /// @notice What was minted in each epoch.
    mapping(uint256 epoch => uint256 amount) public mintedInEpoch;

    /// @notice A source had AZR minted. `sourceId` is what the source knows it by (for `MintMine`, the proof's digest).
    event Emitted(address indexed source, address indexed to, uint256 amount, bytes32 indexed sourceId, uint256 epoch);

    /// @notice The budget of all epochs from now on changed.
    event EpochBudgetChanged(uint256 before, uint256 now_);

    /// @notice No epoch has begun yet.
    error NotStarted(uint64 start);

    /// @notice The epoch has less left than was asked for.
    error EpochBudgetExceeded(uint256 epoch, uint256 asked, uint256 left);

    /// @notice An epoch needs a length, and the contract an admin and a token.
    error BadParameter();

    /// @param token_ the token; this contract still needs its minter role.
    /// @param admin holds the admin role.
    /// @param start_ start of epoch 0, seconds since 1970.
    /// @param epochLength_ seconds, not 0.
    /// @param epochBudget_ smallest units of AZR per epoch.
    constructor(AzoraToken token_, address admin, uint64 start_, uint64 epochLength_, uint256 epochBudget_) {
        if (address(token_) == address(0) || admin == address(0) || epochLength_ == 0) revert BadParameter();
        token = token_;
        start = start_;
        epochLength = epochLength_;
        epochBudget = epochBudget_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        emit EpochBudgetChanged(0, epochBudget_);
    }

    /// @notice The epoch of this block.
    function epoch() public view returns (uint256) {
        if (block.timestamp < start) revert NotStarted(start);
        return (block.timestamp - start) / epochLength;
    }

    /// @notice What may still be minted in this epoch: the rest of its budget, or of the cap when that is less.
    function remainingInEpoch() public view returns (uint256) {
        uint256 minted = mintedInEpoch[epoch()];
        uint256 budget = minted < epochBudget ? epochBudget - minted : 0;
        uint256 room = token.cap() - token.totalSupply();
        return budget < room ? budget : room;
    }

    /// @notice Mint `amount` to `to` on behalf of the calling source.
    /// @param to receives it.
    /// @param amount smallest units.
    /// @param source what the source knows this mint by.
    function mint(address to, uint256 amount, bytes32 source) external onlyRole(SOURCE_ROLE) {
        uint256 current = epoch();
        uint256 minted = mintedInEpoch[current];
        uint256 left = minted < epochBudget ? epochBudget - minted : 0;
        if (amount > left) revert EpochBudgetExceeded(current, amount, left);
        mintedInEpoch[current] = minted + amount;
        token.mint(to, amount);
        emit Emitted(msg.sender, to, amount, source, current);
    }

    /// @notice Set the budget of this and all later epochs.
    /// @param budget smallest units per epoch.
    function setEpochBudget(uint256 budget) external onlyRole(DEFAULT_ADMIN_ROLE) {
        emit EpochBudgetChanged(epochBudget, budget);
        epochBudget = budget;
    }
}
