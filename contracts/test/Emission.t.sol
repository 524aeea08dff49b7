// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";
import {AzoraToken} from "../src/AzoraToken.sol";
import {Emission} from "../src/Emission.sol";
import {EconomyTest} from "./support/Economy.sol";

contract EmissionTest is EconomyTest {
    event Emitted(address indexed source, address indexed to, uint256 amount, bytes32 indexed sourceId, uint256 epoch);
    event EpochBudgetChanged(uint256 before, uint256 now_);

    function test_parameters_are_checked() public {
        bytes memory bad = abi.encodeWithSelector(Emission.BadParameter.selector);
        vm.expectRevert(bad);
        new Emission(AzoraToken(address(0)), admin, 0, 1, 1);
        vm.expectRevert(bad);
        new Emission(token, address(0), 0, 1, 1);
        vm.expectRevert(bad);
        new Emission(token, admin, 0, 0, 1);
    }

    function test_epochs_count_from_the_start() public {
        eq(emission.epoch(), 0, "first");
        vm.warp(block.timestamp + LENGTH - 1);
        eq(emission.epoch(), 0, "last second");
        vm.warp(block.timestamp + 1);
        eq(emission.epoch(), 1, "second");
        vm.warp(emission.start() - 1);
        vm.expectRevert(abi.encodeWithSelector(Emission.NotStarted.selector, emission.start()));
        emission.epoch();
    }

    function test_only_sources_mint() public {
        bytes32 role = emission.SOURCE_ROLE();
        vm.prank(miner);
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, miner, role));
        emission.mint(miner, 1, "x");
    }

    function test_a_mint_tells_source_receiver_and_epoch() public {
        vm.expectEmit(true, true, true, true);
        emit Emitted(admin, miner, 5, "work", 0);
        vm.prank(admin);
        emission.mint(miner, 5, "work");
        eq(token.balanceOf(miner), 5, "minted");
        eq(emission.remainingInEpoch(), BUDGET - 5, "left");
    }

    function test_an_epoch_keeps_its_budget_and_the_next_starts_anew() public {
        give(miner, BUDGET);
        eq(emission.remainingInEpoch(), 0, "used up");
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(Emission.EpochBudgetExceeded.selector, 0, 1, 0));
        emission.mint(miner, 1, "x");
        vm.warp(block.timestamp + LENGTH);
        eq(emission.remainingInEpoch(), BUDGET, "anew");
        give(miner, BUDGET);
    }

    function test_a_lowered_budget_leaves_nothing_rather_than_underflowing() public {
        give(miner, 10);
        vm.prank(admin);
        emission.setEpochBudget(5);
        eq(emission.remainingInEpoch(), 0, "nothing left");
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(Emission.EpochBudgetExceeded.selector, 0, 1, 0));
        emission.mint(miner, 1, "x");
    }

    function test_the_rest_of_the_cap_bounds_what_remains() public {
        uint256 cap = token.CAP();
        vm.prank(admin);
        emission.setEpochBudget(2 * cap);
        give(miner, cap - 7);
        eq(emission.remainingInEpoch(), 7, "the cap");
    }

    function test_a_changed_budget_is_told_also_the_first() public {
        vm.expectEmit(true, true, true, true);
        emit EpochBudgetChanged(0, 9);
        new Emission(token, admin, 0, 1, 9);
        vm.expectEmit(true, true, true, true);
        emit EpochBudgetChanged(BUDGET, 5);
        vm.prank(admin);
        emission.setEpochBudget(5);
        eq(emission.epochBudget(), 5, "budget");
    }

    function test_nothing_is_minted_before_the_start() public {
        uint64 start = emission.start();
        vm.warp(start - 1);
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(Emission.NotStarted.selector, start));
        emission.mint(miner, 1, "x");
    }

    function test_the_cap_bounds_a_mint_that_the_budget_would_allow() public {
        uint256 cap = token.CAP();
        vm.startPrank(admin);
        emission.setEpochBudget(2 * cap);
        vm.expectRevert(abi.encodeWithSelector(ERC20Capped.ERC20ExceededCap.selector, cap + 1, cap));
        emission.mint(miner, cap + 1, "x");
        vm.stopPrank();
        eq(emission.mintedInEpoch(0), 0, "nothing was counted");
    }

    function testFuzz_an_epoch_never_gives_more_than_its_budget(uint256 first, uint256 second) public {
        first = bound(first, 0, BUDGET);
        give(miner, first);
        second = bound(second, 0, 2 * BUDGET);
        bool fits = second <= BUDGET - first;
        vm.prank(admin);
        if (!fits) vm.expectRevert(abi.encodeWithSelector(Emission.EpochBudgetExceeded.selector, 0, second, BUDGET - first));
        emission.mint(miner, second, "x");
        eq(emission.mintedInEpoch(0), fits ? first + second : first, "counted");
    }

    function test_only_the_admin_sets_the_budget() public {
        bytes memory refused = abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, miner, bytes32(0));
        vm.prank(miner);
        vm.expectRevert(refused);
        emission.setEpochBudget(1);
    }
}
