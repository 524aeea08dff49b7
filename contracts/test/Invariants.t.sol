// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {MintMine} from "../src/MintMine.sol";
import {Economy} from "./support/Economy.sol";

/// @notice Does anything that a user could, in any order, and keeps books of its own by what the calls answered.
contract Actor is Economy {
    uint256 public minted; // gross
    uint256 public burned;
    uint256 public open; // in requests that were neither closed nor paid
    uint256 public mostInAnEpoch;
    bytes32 public worstDigest;
    bytes32 public worstEvidence;
    mapping(bytes32 => uint256) public mintsOfDigest;
    mapping(bytes32 => uint256) public mintsOfEvidence;
    mapping(uint256 => uint256) public mintedIn;

    constructor() {
        deploy();
        vm.prank(miner);
        token.approve(address(redemption), type(uint256).max);
    }

    function mintProof(uint256 reward, uint8 evidence) external {
        MintMine.ValueProof memory p = made(reward, evidence);
        try mine.mint(p, one(signature(ATTESTER_KEY, p))) {
            book(p);
        } catch {}
    }

    /// @dev Three proofs of which two may be the same, and one may not fit the budget.
    function mintBatch(uint256 reward, uint8 evidence, bool twice) external {
        MintMine.ValueProof[] memory proofs = new MintMine.ValueProof[](3);
        bytes[][] memory signatures = new bytes[][](3);
        proofs[0] = made(reward, evidence);
        proofs[1] = twice ? proofs[0] : made(reward / 3, evidence ^ 0x55);
        proofs[2] = made(reward / 7, evidence ^ 0xAA);
        bool[] memory usedBefore = new bool[](3);
        for (uint256 i = 0; i < 3; ++i) {
            signatures[i] = one(signature(ATTESTER_KEY, proofs[i]));
            usedBefore[i] = mine.usedDigest(mine.digest(proofs[i]));
        }
        uint256 told = mine.mintBatch(proofs, signatures);
        uint256 counted = 0;
        for (uint256 i = 0; i < 3; ++i) {
            if (usedBefore[i] || !mine.usedDigest(mine.digest(proofs[i])) || (i == 1 && twice)) continue;
            book(proofs[i]);
            ++counted;
        }
        eq(told, counted, "a batch tells how many it minted");
    }

    function setBurnRate(uint256 rate) external {
        vm.prank(admin);
        mine.setBurnRate(bound(rate, 0, 10_000));
    }

    function transfer(uint256 amount) external {
        uint256 held = token.balanceOf(miner);
        vm.prank(miner);
        token.transfer(officer, bound(amount, 0, held));
        uint256 back = token.balanceOf(officer);
        vm.prank(officer);
        token.transfer(miner, back / 2);
    }

    function burn(uint256 amount) external {
        amount = bound(amount, 0, token.balanceOf(miner));
        vm.prank(miner);
        token.burn(amount);
        burned += amount;
    }

    function redeem(uint256 amount) external {
        amount = bound(amount, 1, BUDGET);
        vm.prank(miner);
        try redemption.request(amount, "REF") {
            open += amount;
        } catch {}
    }

    function complete(uint256 id) external {
        uint256 amount;
        (id, amount) = chosen(id);
        vm.prank(officer);
        try redemption.complete(id, "BANK") {
            burned += amount;
            open -= amount;
        } catch {}
    }

    function cancel(uint256 id) external {
        uint256 amount;
        (id, amount) = chosen(id);
        vm.prank(miner);
        try redemption.cancel(id) {
            open -= amount;
        } catch {}
    }

    function refund(uint256 id) external {
        uint256 amount;
        (id, amount) = chosen(id);
        (, uint64 refundableAt,,,) = redemption.requests(id);
        try redemption.refund(id) {
            open -= amount;
            yes(block.timestamp >= refundableAt, "no refund before its time");
        } catch {}
    }

    function later(uint256 secondsLater) external {
        vm.warp(block.timestamp + bound(secondsLater, 1, 2 * LENGTH));
    }

    function check() external view {
        eq(token.totalSupply(), minted - burned, "supply = minted - burned");
        yes(token.totalSupply() <= token.cap(), "cap");
        yes(mostInAnEpoch <= BUDGET, "budget");
        eq(emission.mintedInEpoch(emission.epoch()), mintedIn[emission.epoch()], "the epoch's account is gross");
        yes(mintsOfDigest[worstDigest] <= 1, "one mint per digest");
        yes(mintsOfEvidence[worstEvidence] <= 1, "one mint per evidence");
        eq(token.balanceOf(address(redemption)), redemption.escrowed(), "the escrow is there");
        eq(redemption.escrowed(), open, "escrow = open requests");
        eq(token.balanceOf(address(mine)), 0, "nothing stays with MintMine");
        eq(token.balanceOf(address(emission)), 0, "nothing stays with Emission");
        eq(
            token.balanceOf(miner) + token.balanceOf(officer) + redemption.escrowed(),
            token.totalSupply(),
            "sum of balances = supply"
        );
    }

    function made(uint256 reward, uint8 evidence) internal view returns (MintMine.ValueProof memory) {
        return proof(bound(reward, 1, BUDGET), bytes32(uint256(evidence) + 1));
    }

    function chosen(uint256 id) internal view returns (uint256, uint256 amount) {
        id = bound(id, 0, redemption.count());
        (,,, amount,) = redemption.requests(id);
        return (id, amount);
    }

    function book(MintMine.ValueProof memory p) internal {
        minted += p.reward;
        burned += p.reward * mine.burnRate() / 10_000;
        uint256 epoch = emission.epoch();
        mintedIn[epoch] += p.reward;
        if (mintedIn[epoch] > mostInAnEpoch) mostInAnEpoch = mintedIn[epoch];
        bytes32 digest = mine.digest(p);
        if (++mintsOfDigest[digest] > mintsOfDigest[worstDigest]) worstDigest = digest;
        if (++mintsOfEvidence[p.evidence] > mintsOfEvidence[worstEvidence]) worstEvidence = p.evidence;
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
