// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

library Shares {
    function half(uint256 amount) external pure returns (uint256) {
        return amount / 2;
    }
}
