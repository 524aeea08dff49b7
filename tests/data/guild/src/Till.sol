// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Guild} from "./Guild.sol";
import {Shares} from "./Shares.sol";

contract Till {
    Guild public immutable guild;
    uint256 public share;

    constructor(Guild guild_, uint256 due) {
        guild = guild_;
        share = Shares.half(due);
    }
}
