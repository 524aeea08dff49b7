// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title Azora (AZR)
/// @notice ERC-20 with a cap of 1,000,000,000 AZR on the supply in existence, burning, ERC-2612 permits, roles and a pause.
/// @dev The minter role belongs to `Emission` alone. Every change of supply is a `Transfer` from or to the zero address, so a
/// ledger can be rebuilt from logs. A burn frees room under the cap; `Emission` bounds what is ever minted per epoch.
contract AzoraToken is ERC20, ERC20Burnable, ERC20Capped, ERC20Pausable, ERC20Permit, AccessControl {
    /// @notice May mint, up to the cap.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @notice May stop and resume every movement of AZR.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice 1,000,000,000 AZR, in the smallest unit (18 decimals).
    uint256 public constant CAP = 1_000_000_000e18;

    /// @notice The admin may be nobody's address by mistake; that would leave the token without anybody.
    error NoAdmin();

    /// @param admin holds the admin and the pauser role at first.
    constructor(address admin) ERC20("Azora", "AZR") ERC20Capped(CAP) ERC20Permit("Azora") {
        if (admin == address(0)) revert NoAdmin();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAUSER_ROLE, admin);
    }

    /// @notice Create `amount` for `to`.
    /// @param to receives it.
    /// @param amount in the smallest unit.
    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }

    /// @notice Stop every transfer, mint and burn.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice Resume.
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Capped, ERC20Pausable) {
        super._update(from, to, value);
    }
}
