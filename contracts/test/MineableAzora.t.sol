// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {AzoraToken} from "../src/AzoraToken.sol";
import {Emission} from "../src/Emission.sol";
import {MineableAzora} from "../src/MineableAzora.sol";
import {EconomyTest} from "./support/Economy.sol";

contract MineableAzoraTest is EconomyTest {
    uint256 internal constant REWARD = 50e18;
    uint256 internal constant EASIEST = type(uint256).max >> 2;
    uint256 internal constant HARDEST = type(uint256).max >> 12;
    uint64 internal constant PER_ERA = 6;
    uint64 internal constant INTERVAL = 3;
    uint64 internal constant SECONDS = 60;

    MineableAzora internal work;

    event Mint(address indexed from, uint256 rewardAmount, uint256 epochCount, bytes32 newChallengeNumber);
    event Retargeted(uint256 before, uint256 now_, uint64 solutions, uint64 elapsed);

    function setUp() public override {
        super.setUp();
        work = new MineableAzora(emission, token, usual());
        bytes32 role = emission.SOURCE_ROLE();
        vm.prank(admin);
        emission.grantRole(role, address(work));
    }

    function usual() internal pure returns (MineableAzora.Rules memory) {
        return MineableAzora.Rules(REWARD, PER_ERA, SECONDS, INTERVAL, EASIEST, HARDEST, EASIEST);
    }

    /// @dev The first nonce from `from` on that is (or is not) a solution for `who`.
    function search(address who, uint256 from, bool solves) internal view returns (uint256 nonce) {
        nonce = from;
        while ((uint256(work.digestOf(who, nonce)) <= work.target()) != solves) ++nonce;
    }

    function solve(address who) internal {
        uint256 nonce = search(who, 0, true);
        vm.prank(who);
        work.mint(nonce);
    }

    function solveAfter(address who, uint256 secondsLater) internal {
        vm.warp(block.timestamp + secondsLater);
        solve(who);
    }

    function refuses(MineableAzora.Rules memory rules) internal {
        vm.expectRevert(abi.encodeWithSelector(MineableAzora.BadParameter.selector));
        new MineableAzora(emission, token, rules);
    }

    function test_parameters_are_checked() public {
        vm.expectRevert(abi.encodeWithSelector(MineableAzora.BadParameter.selector));
        new MineableAzora(Emission(address(0)), token, usual());
        vm.expectRevert(abi.encodeWithSelector(MineableAzora.BadParameter.selector));
        new MineableAzora(emission, AzoraToken(address(0)), usual());
        MineableAzora.Rules memory rules = usual();
        rules.initialReward = 0;
        refuses(rules);
        rules = usual();
        rules.solutionsPerEra = 0;
        refuses(rules);
        rules = usual();
        rules.adjustmentInterval = 0;
        refuses(rules);
        rules = usual();
        rules.secondsPerSolution = 0;
        refuses(rules);
        rules = usual();
        rules.secondsPerSolution = 1 days + 1;
        refuses(rules);
        rules = usual();
        rules.hardestTarget = 0;
        refuses(rules);
        rules = usual();
        rules.firstTarget = HARDEST - 1;
        refuses(rules);
        rules = usual();
        rules.firstTarget = EASIEST + 1;
        refuses(rules);
        rules = usual();
        rules.easiestTarget = (type(uint256).max >> 1) + 1;
        refuses(rules);
    }

    function test_it_answers_as_eip_918_asks() public view {
        yes(work.getChallengeNumber() == work.challenge() && work.challenge() != bytes32(0), "challenge");
        eq(work.getMiningTarget(), EASIEST, "target");
        eq(work.getMiningDifficulty(), 1, "difficulty");
        eq(work.getMiningReward(), REWARD, "reward");
        eq(work.getAdjustmentInterval(), uint256(INTERVAL) * SECONDS, "interval");
        eq(work.decimals(), 18, "decimals");
        MineableAzora.Rules memory told = work.rules();
        eq(told.initialReward, REWARD, "rule: reward");
        eq(told.solutionsPerEra, PER_ERA, "rule: era");
        eq(told.secondsPerSolution, SECONDS, "rule: seconds");
        eq(told.adjustmentInterval, INTERVAL, "rule: interval");
        eq(told.easiestTarget, EASIEST, "rule: easiest");
        eq(told.hardestTarget, HARDEST, "rule: hardest");
        eq(told.firstTarget, EASIEST, "rule: target");
    }

    function test_a_solution_earns_the_reward_and_a_new_challenge() public {
        bytes32 before = work.challenge();
        uint256 nonce = search(miner, 0, true);
        bytes32 next = keccak256(abi.encode(before, work.digestOf(miner, nonce), blockhash(block.number - 1)));
        vm.expectEmit(true, true, true, true);
        emit Mint(miner, REWARD, 1, next);
        vm.prank(miner);
        yes(work.mint(nonce), "told");
        eq(token.balanceOf(miner), REWARD, "minted");
        eq(emission.mintedInEpoch(0), REWARD, "through the emission");
        eq(work.tokensMinted(), REWARD, "counted");
        eq(work.epochCount(), 1, "epoch");
        yes(work.challenge() == next, "next challenge");
    }

    function test_what_is_above_the_target_is_no_solution() public {
        uint256 nonce = search(miner, 0, false);
        bytes32 digest = work.digestOf(miner, nonce);
        bytes memory reason =
            abi.encodeWithSelector(MineableAzora.NotASolution.selector, digest, work.target(), work.challenge());
        vm.prank(miner);
        vm.expectRevert(reason);
        work.mint(nonce);
    }

    /// @dev A nonce seen in the pool of a node is worth nothing to whoever copies it.
    function test_a_stolen_nonce_hashes_to_something_else(uint256 start, address thief) public view {
        vm.assume(thief != miner);
        uint256 nonce = search(miner, start % (type(uint256).max - 1000), true);
        yes(work.digestOf(thief, nonce) != work.digestOf(miner, nonce), "the digest holds the address");
    }

    function test_a_challenge_is_solved_once(uint256 start) public {
        uint256 nonce = search(miner, start % (type(uint256).max - 1000), true);
        bytes32 first = work.challenge();
        vm.prank(miner);
        work.mint(nonce);
        yes(work.challenge() != first, "moved on");
        // The same nonce counts only if it happens to solve the new challenge too.
        if (uint256(work.digestOf(miner, nonce)) <= work.target()) return;
        vm.prank(miner);
        vm.expectRevert();
        work.mint(nonce);
    }

    function test_the_reward_halves_with_each_era() public {
        for (uint256 i = 0; i < PER_ERA; ++i) solveAfter(miner, SECONDS);
        eq(work.era(), 1, "era");
        eq(work.getMiningReward(), REWARD / 2, "halved");
        solveAfter(miner, SECONDS);
        eq(token.balanceOf(miner), PER_ERA * REWARD + REWARD / 2, "earned");
        eq(work.tokensMinted(), PER_ERA * REWARD + REWARD / 2, "counted");
    }

    function test_mining_ends_when_the_reward_has_halved_away() public {
        MineableAzora.Rules memory rules = usual();
        rules.initialReward = 1;
        rules.solutionsPerEra = 1;
        work = new MineableAzora(emission, token, rules);
        bytes32 role = emission.SOURCE_ROLE();
        vm.prank(admin);
        emission.grantRole(role, address(work));
        solve(miner);
        uint256 nonce = search(miner, 0, true);
        vm.prank(miner);
        vm.expectRevert(abi.encodeWithSelector(MineableAzora.MiningIsOver.selector, 1));
        work.mint(nonce);
        eq(work.tokensMinted(), 1, "nothing more");
    }

    function test_the_target_follows_the_time_that_was_taken() public {
        uint256 target = EASIEST / 8;
        MineableAzora.Rules memory rules = usual();
        rules.firstTarget = target;
        work = new MineableAzora(emission, token, rules);
        bytes32 role = emission.SOURCE_ROLE();
        vm.prank(admin);
        emission.grantRole(role, address(work));
        solveAfter(miner, SECONDS);
        solveAfter(miner, SECONDS);
        vm.expectEmit(true, true, true, true);
        emit Retargeted(target, target + target / 2, INTERVAL, SECONDS * INTERVAL * 3 / 2);
        solveAfter(miner, SECONDS * 5 / 2); // half as long again as it should take
        eq(work.target(), target + target / 2, "easier by half");
        eq(work.solutionsInPeriod(), 0, "a new period");
    }

    function test_the_target_moves_by_a_factor_of_two_at_most(uint32 pause) public {
        uint256 before = EASIEST / 4;
        MineableAzora.Rules memory rules = usual();
        rules.firstTarget = before;
        work = new MineableAzora(emission, token, rules);
        bytes32 role = emission.SOURCE_ROLE();
        vm.prank(admin);
        emission.grantRole(role, address(work));
        for (uint256 i = 0; i < INTERVAL; ++i) solveAfter(miner, pause / INTERVAL);
        yes(work.target() >= before / 2 && work.target() <= before * 2, "bounded");
        uint256 took = uint256(pause / INTERVAL) * INTERVAL;
        uint256 expected = uint256(INTERVAL) * SECONDS;
        yes(took <= expected || work.target() >= before, "slow makes it easier");
        yes(took >= expected || work.target() <= before, "fast makes it harder");
    }

    function test_the_target_stays_between_its_bounds() public {
        for (uint256 i = 0; i < 5 * INTERVAL; ++i) solveAfter(miner, 10 * SECONDS);
        eq(work.target(), EASIEST, "never easier");
        for (uint256 i = 0; i < 14 * INTERVAL; ++i) {
            if (work.target() <= HARDEST * 4) break; // harder ones take a test too long to solve
            solve(miner);
        }
        yes(work.target() >= HARDEST && work.getMiningDifficulty() >= 256, "harder");
    }

    function test_the_hardest_target_is_a_floor() public {
        MineableAzora.Rules memory rules = usual();
        rules.hardestTarget = EASIEST / 3;
        work = new MineableAzora(emission, token, rules);
        bytes32 role = emission.SOURCE_ROLE();
        vm.prank(admin);
        emission.grantRole(role, address(work));
        for (uint256 i = 0; i < 3 * INTERVAL; ++i) solve(miner);
        eq(work.target(), EASIEST / 3, "floor");
    }

    function test_anybody_may_ease_a_period_that_is_overdue() public {
        MineableAzora.Rules memory rules = usual();
        rules.firstTarget = EASIEST / 8;
        work = new MineableAzora(emission, token, rules);
        uint256 due = block.timestamp + 2 * uint256(INTERVAL) * SECONDS;
        vm.warp(due - 1);
        vm.expectRevert(abi.encodeWithSelector(MineableAzora.TooEarly.selector, due));
        work.retarget();
        vm.warp(due);
        vm.prank(address(0x5EED));
        work.retarget();
        eq(work.target(), EASIEST / 8 * 2, "twice as easy");
        eq(work.periodStart(), due, "a new period");
    }

    function test_a_used_up_budget_stops_the_mint_and_keeps_the_solution() public {
        give(officer, BUDGET - REWARD / 2);
        uint256 nonce = search(miner, 0, true);
        bytes32 before = work.challenge();
        vm.prank(miner);
        vm.expectRevert(abi.encodeWithSelector(Emission.EpochBudgetExceeded.selector, 0, REWARD, REWARD / 2));
        work.mint(nonce);
        yes(work.challenge() == before && work.epochCount() == 0, "nothing was used");
        vm.warp(block.timestamp + LENGTH);
        vm.prank(miner);
        work.mint(nonce);
        eq(token.balanceOf(miner), REWARD, "the same solution counts in the next epoch");
    }

    function test_without_the_source_role_nothing_is_mined() public {
        bytes32 role = emission.SOURCE_ROLE();
        vm.prank(admin);
        emission.revokeRole(role, address(work));
        uint256 nonce = search(miner, 0, true);
        vm.prank(miner);
        vm.expectRevert();
        work.mint(nonce);
        eq(work.epochCount(), 0, "no epoch");
    }
}
