// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {Actor} from "./support/Actor.sol";

abstract contract Acted {
    Actor internal actor;

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(actor);
    }
}

/// @notice Whatever is done in whatever order, the economy adds up: both sources of AZR, every role, the pause, all budgets.
contract Invariants is Acted {
    function setUp() public {
        actor = new Actor(1_000_000_000e18);
    }

    function invariant_the_economy_adds_up() external view {
        actor.check();
    }
}

/// @notice The same with a supply so near the cap that a few mints reach it.
contract InvariantsNearTheCap is Acted {
    function setUp() public {
        actor = new Actor(20_000e18);
    }

    function invariant_the_economy_adds_up_near_the_cap() external view {
        actor.check();
    }
}
