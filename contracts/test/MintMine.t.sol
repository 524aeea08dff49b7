// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {AzoraToken} from "../src/AzoraToken.sol";
import {Emission} from "../src/Emission.sol";
import {MintMine} from "../src/MintMine.sol";
import {EconomyTest} from "./support/Economy.sol";

contract MintMineTest is EconomyTest {
    event ProofMinted(
        bytes32 indexed digest, address indexed contributor, uint256 reward, bytes32 indexed evidence, bytes32 activity, uint256 burned
    );
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
        vm.expectRevert(abi.encodeWithSelector(MintMine.BadBurnRate.selector));
        mine.setBurnRate(10_001);
        vm.stopPrank();
    }
}
