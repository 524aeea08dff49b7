// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {AzoraToken} from "../src/AzoraToken.sol";
import {Emission} from "../src/Emission.sol";
import {MintMine} from "../src/MintMine.sol";
import {EconomyTest} from "./support/Economy.sol";

contract MintMineTest is EconomyTest {
    event ProofMinted(
        bytes32 indexed digest, address indexed contributor, uint256 reward, bytes32 indexed evidence, bytes32 activity, uint256 burned
    );
    event ThresholdChanged(uint256 before, uint256 now_);
    event LargeRewardChanged(uint256 reward, uint256 threshold);
    event BurnRateChanged(uint256 before, uint256 now_);
    event ProofRefused(bytes32 indexed digest, uint8 reason);

    function refused(MintMine.ValueProof memory p, MintMine.Refusal reason) internal view returns (bytes memory) {
        return abi.encodeWithSelector(MintMine.Refused.selector, mine.digest(p), reason);
    }

    function test_parameters_are_checked() public {
        bytes memory bad = abi.encodeWithSelector(MintMine.BadParameter.selector);
        vm.expectRevert(bad);
        new MintMine(Emission(address(0)), token, admin);
        vm.expectRevert(bad);
        new MintMine(emission, AzoraToken(address(0)), admin);
        vm.expectRevert(bad);
        new MintMine(emission, token, address(0));
    }

    function test_the_digest_is_the_frozen_one() public view {
        MintMine.ValueProof memory p = proof(1, "e");
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Azora MintMine"),
                keccak256("1"),
                block.chainid,
                address(mine)
            )
        );
        bytes32 body = keccak256(
            abi.encode(mine.VALUE_PROOF_TYPEHASH(), p.contributor, p.reward, p.activity, p.evidence, p.deadline, p.salt)
        );
        yes(mine.digest(p) == keccak256(abi.encodePacked(hex"1901", domain, body)), "digest");
    }

    function test_a_signed_proof_becomes_azr_and_says_so() public {
        MintMine.ValueProof memory p = proof(80e18, "e");
        bytes[] memory signatures = one(signature(ATTESTER_KEY, p));
        vm.expectEmit(true, true, true, true);
        emit ProofMinted(mine.digest(p), miner, 80e18, "e", p.activity, 0);
        mine.mint(p, signatures);
        eq(token.balanceOf(miner), 80e18, "reward");
        yes(mine.usedDigest(mine.digest(p)) && mine.usedEvidence("e"), "used");
    }

    function test_a_digest_is_minted_once() public {
        MintMine.ValueProof memory p = proof(1, "e");
        bytes[] memory signatures = one(signature(ATTESTER_KEY, p));
        mine.mint(p, signatures);
        vm.expectRevert(refused(p, MintMine.Refusal.DigestUsed));
        mine.mint(p, signatures);
    }

    function test_the_same_evidence_is_not_minted_again_under_another_salt() public {
        MintMine.ValueProof memory p = proof(1, "e");
        mine.mint(p, one(signature(ATTESTER_KEY, p)));
        p.salt = "another";
        bytes[] memory signatures = one(signature(ATTESTER_KEY, p));
        vm.expectRevert(refused(p, MintMine.Refusal.EvidenceUsed));
        mine.mint(p, signatures);
    }

    function test_the_deadline_is_the_last_second() public {
        MintMine.ValueProof memory p = proof(1, "e");
        bytes[] memory signatures = one(signature(ATTESTER_KEY, p));
        vm.warp(p.deadline + 1);
        vm.expectRevert(refused(p, MintMine.Refusal.Expired));
        mine.mint(p, signatures);
        vm.warp(p.deadline);
        mine.mint(p, signatures);
    }

    function test_an_empty_proof_is_refused() public {
        bytes[] memory none = new bytes[](0);
        MintMine.ValueProof memory p = proof(0, "e");
        vm.expectRevert(refused(p, MintMine.Refusal.EmptyProof));
        mine.mint(p, none);
        p = proof(1, 0);
        vm.expectRevert(refused(p, MintMine.Refusal.EmptyProof));
        mine.mint(p, none);
        p = proof(1, "e");
        p.contributor = address(0);
        vm.expectRevert(refused(p, MintMine.Refusal.EmptyProof));
        mine.mint(p, none);
    }

    function test_bad_signatures_are_refused() public {
        MintMine.ValueProof memory p = proof(1, "e");
        bytes memory bad = refused(p, MintMine.Refusal.BadSignatures);
        bytes[] memory signatures = new bytes[](0);
        vm.expectRevert(bad);
        mine.mint(p, signatures);
        signatures = one(signature(STRANGER_KEY, p));
        vm.expectRevert(bad);
        mine.mint(p, signatures);
        signatures = one(hex"00");
        vm.expectRevert(bad);
        mine.mint(p, signatures);
    }

    function test_a_revoked_attester_no_longer_counts() public {
        MintMine.ValueProof memory p = proof(1, "e");
        bytes[] memory signatures = one(signature(ATTESTER_KEY, p));
        bytes32 role = mine.ATTESTER_ROLE();
        vm.prank(admin);
        mine.revokeRole(role, vm.addr(ATTESTER_KEY));
        vm.expectRevert(refused(p, MintMine.Refusal.BadSignatures));
        mine.mint(p, signatures);
    }

    function test_a_threshold_counts_distinct_attesters_in_order() public {
        bytes32 role = mine.ATTESTER_ROLE();
        vm.startPrank(admin);
        mine.grantRole(role, vm.addr(SECOND_KEY));
        mine.setThreshold(2);
        vm.stopPrank();
        MintMine.ValueProof memory p = proof(1, "e");
        bytes memory bad = refused(p, MintMine.Refusal.BadSignatures);
        bool ordered = vm.addr(ATTESTER_KEY) < vm.addr(SECOND_KEY);
        bytes[] memory alone = one(signature(ATTESTER_KEY, p));
        vm.expectRevert(bad);
        mine.mint(p, alone);
        bytes[] memory pair = new bytes[](2);
        pair[0] = signature(ordered ? SECOND_KEY : ATTESTER_KEY, p);
        pair[1] = signature(ordered ? ATTESTER_KEY : SECOND_KEY, p);
        vm.expectRevert(bad);
        mine.mint(p, pair);
        (pair[0], pair[1]) = (pair[1], pair[1]);
        vm.expectRevert(bad);
        mine.mint(p, pair);
        pair[1] = signature(ordered ? SECOND_KEY : ATTESTER_KEY, p);
        mine.mint(p, pair);
    }

    function pairOf(MintMine.ValueProof memory p) internal view returns (bytes[] memory pair) {
        bool ordered = vm.addr(ATTESTER_KEY) < vm.addr(SECOND_KEY);
        pair = new bytes[](2);
        pair[0] = signature(ordered ? ATTESTER_KEY : SECOND_KEY, p);
        pair[1] = signature(ordered ? SECOND_KEY : ATTESTER_KEY, p);
    }

    function test_a_large_reward_needs_more_attesters_and_a_small_one_does_not() public {
        bytes32 role = mine.ATTESTER_ROLE();
        vm.startPrank(admin);
        mine.grantRole(role, vm.addr(SECOND_KEY));
        vm.expectEmit(true, true, true, true);
        emit LargeRewardChanged(100, 2);
        mine.setLargeReward(100, 2);
        vm.stopPrank();
        yes(mine.required(100) == 1 && mine.required(101) == 2, "required");
        yes(mine.largeReward() == 100 && mine.largeThreshold() == 2 && mine.threshold() == 1, "rules");
        MintMine.ValueProof memory p = proof(101, "large");
        bytes[] memory alone = one(signature(ATTESTER_KEY, p));
        vm.expectRevert(refused(p, MintMine.Refusal.BadSignatures));
        mine.mint(p, alone);
        MintMine.ValueProof[] memory proofs = new MintMine.ValueProof[](2);
        bytes[][] memory signatures = new bytes[][](2);
        (proofs[0], signatures[0]) = (p, alone);
        proofs[1] = proof(100, "small");
        signatures[1] = one(signature(ATTESTER_KEY, proofs[1]));
        eq(mine.mintBatch(proofs, signatures), 1, "the small one alone");
        yes(!mine.usedDigest(mine.digest(p)), "the large one stays unused");
        mine.mint(p, pairOf(p));
        eq(token.balanceOf(miner), 201, "both");
    }

    function test_a_large_reward_never_needs_fewer_than_a_small_one() public {
        vm.startPrank(admin);
        mine.setLargeReward(100, 2);
        vm.expectEmit(true, true, true, true);
        emit LargeRewardChanged(100, 3);
        mine.setThreshold(3);
        eq(mine.required(101), 3, "raised with the threshold");
        bytes memory bad = abi.encodeWithSelector(MintMine.BadThreshold.selector);
        vm.expectRevert(bad);
        mine.setLargeReward(100, 2);
        vm.expectRevert(bad);
        mine.setLargeReward(100, 256);
        vm.expectRevert(bad);
        mine.setLargeReward(uint256(type(uint192).max) + 1, 3);
        mine.setThreshold(1);
        eq(mine.required(101), 3, "lowering leaves it");
        vm.stopPrank();
        vm.prank(miner);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, miner, bytes32(0))
        );
        mine.setLargeReward(1, 1);
    }

    function testFuzz_required_is_monotonic_in_the_reward(uint192 bound_, uint8 few, uint8 many, uint256 a, uint256 b) public {
        vm.assume(few > 0 && many >= few);
        vm.startPrank(admin);
        mine.setThreshold(few);
        mine.setLargeReward(bound_, many);
        vm.stopPrank();
        (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
        yes(mine.required(low) <= mine.required(high), "monotonic");
    }

    function test_a_batch_reports_each_and_stops_for_none() public {
        MintMine.ValueProof[] memory proofs = new MintMine.ValueProof[](3);
        bytes[][] memory signatures = new bytes[][](3);
        proofs[0] = proof(1, "a");
        proofs[1] = proof(1, "a");
        proofs[2] = proof(2 * BUDGET, "c");
        for (uint256 i = 0; i < 3; ++i) signatures[i] = one(signature(ATTESTER_KEY, proofs[i]));
        bytes32 first = mine.digest(proofs[0]);
        bytes32 third = mine.digest(proofs[2]);
        vm.expectEmit(true, true, true, true);
        emit ProofRefused(first, uint8(MintMine.Refusal.DigestUsed));
        vm.expectEmit(true, true, true, true);
        emit ProofRefused(third, uint8(MintMine.Refusal.EmissionRefused));
        eq(mine.mintBatch(proofs, signatures), 1, "minted");
        yes(!mine.usedDigest(third) && !mine.usedEvidence("c"), "a refused proof stays unused");
    }

    function test_a_batch_names_each_reason() public {
        MintMine.ValueProof[] memory proofs = new MintMine.ValueProof[](6);
        bytes[][] memory signatures = new bytes[][](6);
        MintMine.ValueProof memory used = proof(1, "used");
        mine.mint(used, one(signature(ATTESTER_KEY, used)));
        proofs[0] = proof(1, "expired");
        proofs[0].deadline = uint64(block.timestamp - 1);
        proofs[1] = used;
        proofs[2] = proof(1, "used");
        proofs[2].salt = "another";
        proofs[3] = proof(1, "stranger");
        proofs[4] = proof(0, "empty");
        proofs[5] = proof(1, "good");
        for (uint256 i = 0; i < 6; ++i) signatures[i] = one(signature(i == 3 ? STRANGER_KEY : ATTESTER_KEY, proofs[i]));
        MintMine.Refusal[5] memory reasons = [
            MintMine.Refusal.Expired,
            MintMine.Refusal.DigestUsed,
            MintMine.Refusal.EvidenceUsed,
            MintMine.Refusal.BadSignatures,
            MintMine.Refusal.EmptyProof
        ];
        bytes32[] memory ids = new bytes32[](6);
        for (uint256 i = 0; i < 6; ++i) ids[i] = mine.digest(proofs[i]);
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectEmit(true, true, true, true);
            emit ProofRefused(ids[i], uint8(reasons[i]));
        }
        vm.expectEmit(true, true, true, true);
        emit ProofMinted(ids[5], miner, 1, "good", proofs[5].activity, 0);
        eq(mine.mintBatch(proofs, signatures), 1, "minted");
    }

    function test_a_paused_token_mints_nothing_and_uses_nothing_up() public {
        vm.prank(admin);
        token.pause();
        MintMine.ValueProof[] memory proofs = new MintMine.ValueProof[](1);
        bytes[][] memory signatures = new bytes[][](1);
        proofs[0] = proof(1, "e");
        signatures[0] = one(signature(ATTESTER_KEY, proofs[0]));
        eq(mine.mintBatch(proofs, signatures), 0, "minted");
        vm.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        mine.mint(proofs[0], signatures[0]);
        vm.prank(admin);
        token.unpause();
        mine.mint(proofs[0], signatures[0]);
        eq(token.balanceOf(miner), 1, "minted later");
    }

    function test_the_other_spelling_of_a_signature_is_refused() public {
        MintMine.ValueProof memory p = proof(1, "e");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ATTESTER_KEY, mine.digest(p));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes[] memory mirrored = one(abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27)));
        vm.expectRevert(refused(p, MintMine.Refusal.BadSignatures));
        mine.mint(p, mirrored);
    }

    function test_one_bad_signature_among_good_ones_is_refused() public {
        MintMine.ValueProof memory p = proof(1, "e");
        bool first = vm.addr(STRANGER_KEY) < vm.addr(ATTESTER_KEY);
        bytes[] memory pair = new bytes[](2);
        pair[0] = signature(first ? STRANGER_KEY : ATTESTER_KEY, p);
        pair[1] = signature(first ? ATTESTER_KEY : STRANGER_KEY, p);
        vm.expectRevert(refused(p, MintMine.Refusal.BadSignatures));
        mine.mint(p, pair);
    }

    function testFuzz_a_changed_proof_is_not_what_was_signed(uint256 reward, address contributor, bytes32 activity, uint64 deadline)
        public
    {
        MintMine.ValueProof memory p = proof(5, "e");
        bytes[] memory signatures = one(signature(ATTESTER_KEY, p));
        MintMine.ValueProof memory q =
            MintMine.ValueProof(contributor, bound(reward, 1, BUDGET), activity, p.evidence, deadline, p.salt);
        vm.assume(contributor != address(0) && deadline >= block.timestamp);
        vm.assume(mine.digest(q) != mine.digest(p));
        vm.expectRevert(refused(q, MintMine.Refusal.BadSignatures));
        mine.mint(q, signatures);
    }

    function test_a_signature_counts_for_one_contract_only() public {
        MintMine other = new MintMine(emission, token, admin);
        MintMine.ValueProof memory p = proof(1, "e");
        yes(other.digest(p) != mine.digest(p), "another contract, another digest");
    }

    function test_changed_rules_are_told() public {
        vm.startPrank(admin);
        vm.expectEmit(true, true, true, true);
        emit ThresholdChanged(1, 3);
        mine.setThreshold(3);
        vm.expectEmit(true, true, true, true);
        emit BurnRateChanged(0, 250);
        mine.setBurnRate(250);
        vm.stopPrank();
        eq(mine.threshold(), 3, "threshold");
        eq(mine.burnRate(), 250, "burn rate");
    }

    function test_a_batch_needs_a_list_of_signatures_per_proof() public {
        vm.expectRevert(abi.encodeWithSelector(MintMine.LengthsDiffer.selector));
        mine.mintBatch(new MintMine.ValueProof[](1), new bytes[][](0));
    }

    function test_nobody_else_mints_what_was_checked() public {
        MintMine.ValueProof memory p = proof(1, "e");
        vm.expectRevert(abi.encodeWithSelector(MintMine.OnlySelf.selector));
        mine.mintChecked(p, "id");
    }

    function testFuzz_burning_keeps_minted_gross(uint256 reward, uint256 rate) public {
        reward = bound(reward, 1, BUDGET);
        rate = bound(rate, 0, 10_000);
        vm.prank(admin);
        mine.setBurnRate(rate);
        MintMine.ValueProof memory p = proof(reward, "e");
        mine.mint(p, one(signature(ATTESTER_KEY, p)));
        uint256 burned = reward * rate / 10_000;
        eq(token.balanceOf(miner), reward - burned, "net");
        eq(token.totalSupply(), reward - burned, "supply");
        eq(emission.mintedInEpoch(0), reward, "gross");
        eq(token.balanceOf(address(mine)), 0, "nothing stays");
    }

    function test_only_the_admin_sets_threshold_and_burn_rate_within_bounds() public {
        bytes memory stranger = abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, miner, bytes32(0));
        vm.startPrank(miner);
        vm.expectRevert(stranger);
        mine.setThreshold(1);
        vm.expectRevert(stranger);
        mine.setBurnRate(1);
        vm.stopPrank();
        vm.startPrank(admin);
        vm.expectRevert(abi.encodeWithSelector(MintMine.BadThreshold.selector));
        mine.setThreshold(0);
        vm.expectRevert(abi.encodeWithSelector(MintMine.BadThreshold.selector));
        mine.setThreshold(256);
        vm.expectRevert(abi.encodeWithSelector(MintMine.BadBurnRate.selector));
        mine.setBurnRate(10_001);
        vm.stopPrank();
    }
}
