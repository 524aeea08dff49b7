// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

library Prices {
    function doubled(uint256 price) external pure returns (uint256) {
        return 2 * price;
    }
}

contract Shop {
    struct Item {
        string name;
        uint256 price;
        address[] sellers;
    }

    error NothingToSell();

    address public immutable owner;
    uint256 public total;
    string public first;

    constructor(address owner_, Item[] memory items) payable {
        if (items.length == 0) revert NothingToSell();
        owner = owner_;
        first = items[0].name;
        for (uint256 i = 0; i < items.length; i++) {
            total += Prices.doubled(items[i].price) * items[i].sellers.length;
        }
    }
}
