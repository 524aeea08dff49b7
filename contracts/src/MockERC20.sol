// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token for tests
/// @notice Anyone may mint. Never deploy it where anything has value.
contract MockERC20 is ERC20 {
    uint8 private immutable _decimals;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) ERC20(name_, symbol_) {
        _decimals = decimals_;
    }

    /// @notice Smallest units per whole, as a power of ten.
    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    /// @notice Create `amount` for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
