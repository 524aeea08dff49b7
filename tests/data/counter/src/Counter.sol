// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

contract Counter {
    error TooLarge(uint256 given, uint256 most);
    event Counted(address indexed who, uint256 to);

    uint256 public count;

    function set(uint256 to) external {
        if (to > 1000) {
            revert TooLarge(to, 1000);
        }
        count = to;
        emit Counted(msg.sender, to);
    }

    function never() external pure returns (uint256) {
        return 7;
    }
}
