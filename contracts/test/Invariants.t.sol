// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {MintMine} from "../src/MintMine.sol";
import {Economy} from "./support/Economy.sol";

/// @notice Does anything that a user could, in any order, and counts what it knows.
contract Actor is Economy {
    uint256 public minted;
    uint256 public burned;
    uint256 public proofs;
    mapping(bytes32 => uint256) public mintsOf;
    bytes32 public worst;

    constructor() {
        deploy();
        vm.prank(miner);
        token.approve(address(redemption), type(uint256).max);
    }

    function mintProof(uint256 reward, uint8 evidence) external {
        MintMine.ValueProof memory p = proof(bound(reward, 1, BUDGET), bytes32(uint256(evidence) + 1));
        try mine.mint(p, one(signature(ATTESTER_KEY, p))) {
            minted += p.reward;
            proofs += 1;
            if (++mintsOf[p.evidence] > mintsOf[worst]) worst = p.evidence;
        } catch {}
    }

    function redeem(uint256 amount) external {
        vm.prank(miner);
        try redemption.request(bound(amount, 1, BUDGET), "REF") {} catch {}
    }

    function complete(uint256 id) external {
        id = bound(id, 0, redemption.count());
        (,,, uint256 amount,) = redemption.requests(id);
        vm.prank(officer);
        try redemption.complete(id, "BANK") {
            burned += amount;
        } catch {}
    }

    function cancel(uint256 id) external {
        vm.prank(miner);
        try redemption.cancel(bound(id, 0, redemption.count())) {} catch {}
    }

    function later(uint256 secondsLater) external {
        vm.warp(block.timestamp + bound(secondsLater, 1, 2 * LENGTH));
    }

    function check() external view {
        eq(token.totalSupply(), minted - burned, "supply = minted - burned");
        yes(token.totalSupply() <= token.cap(), "cap");
        yes(emission.mintedInEpoch(emission.epoch()) <= BUDGET, "budget");
        yes(mintsOf[worst] <= 1, "one mint per evidence");
        eq(token.balanceOf(address(redemption)), redemption.escrowed(), "escrow");
        eq(token.balanceOf(miner) + redemption.escrowed(), token.totalSupply(), "conservation");
    }
}

contract Invariants {
    Actor private actor;

    function setUp() public {
        actor = new Actor();
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(actor);
    }

    function invariant_the_economy_adds_up() external view {
        actor.check();
    }
}
