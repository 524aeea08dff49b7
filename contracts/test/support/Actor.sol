// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {MineableAzora} from "../../src/MineableAzora.sol";
import {MintMine} from "../../src/MintMine.sol";
import {Economy} from "./Economy.sol";

/// @notice Does anything that users, attesters, admins and intruders could, in any order, and keeps books of its own.
/// @dev Its books say beforehand whether a mint must come about; each answer is compared with that, so a contract that mints too
/// much *or* too little is found at the call. What must hold between calls stands in `check`.
contract Actor is Economy {
    uint256 internal constant CAP = 1_000_000_000e18; // by its own count, whatever the token says
    uint256 internal constant WORK_REWARD = 4_000e18;
    uint256 internal constant EASIEST = type(uint256).max >> 1;
    uint256 internal constant HARDEST = type(uint256).max >> 4; // a dozen tries
    uint64 internal constant PER_ERA = 4;
    address internal constant HOLDER = address(0x401DE2);

    MineableAzora internal work;

    // The books: amounts in smallest units.
    uint256 internal mintedByValue; // gross
    uint256 internal mintedByWork;
    uint256 internal mintedByAdmin;
    uint256 internal burned;
    uint256 internal open; // in requests that were neither closed nor paid
    mapping(uint256 => uint256) internal mintedIn;
    mapping(bytes32 => uint256) internal mintsOfDigest;
    mapping(bytes32 => uint256) internal mintsOfEvidence;
    mapping(bytes32 => uint256) internal mintsOfChallenge;
    MintMine.ValueProof[] internal mintedProofs;
    uint256 internal solved;

    // What the admin last set.
    bool internal paused;
    uint256 internal budget = BUDGET;
    uint256 internal burnRate;
    uint256 internal threshold = 1;
    uint256 internal largeThreshold = 1;
    uint256 internal largeReward = type(uint192).max;
    bool internal emissionMints = true;
    bool internal valueIsSource = true;
    bool internal workIsSource = true;
    bool[3] internal attests = [true, false, false]; // of the keys below; the last is a stranger's and never does
    uint256[3] internal keys = [ATTESTER_KEY, SECOND_KEY, STRANGER_KEY];

    /// @param room what may still be minted under the cap when the actor begins, smallest units.
    constructor(uint256 room) {
        deploy();
        work = new MineableAzora(
            emission, token, MineableAzora.Rules(WORK_REWARD, PER_ERA, 60, 3, EASIEST, HARDEST, EASIEST)
        );
        vm.startPrank(admin);
        emission.grantRole(emission.SOURCE_ROLE(), address(work));
        if (room < CAP) {
            emission.setEpochBudget(CAP);
            emission.mint(HOLDER, CAP - room, "before");
            emission.setEpochBudget(BUDGET);
            mintedByAdmin = CAP - room;
            mintedIn[0] = CAP - room;
        }
        vm.stopPrank();
        later(LENGTH - 1);
        vm.prank(miner);
        token.approve(address(redemption), type(uint256).max);
        sortKeys();
    }

    // Mints

    function mintProof(uint256 reward, uint8 evidence, uint8 how) external {
        single(made(reward, evidence, how), how);
    }

    /// @dev What was minted before, signed anew.
    function mintAgain(uint256 which, uint8 how) external {
        if (mintedProofs.length == 0) return;
        single(mintedProofs[which % mintedProofs.length], how);
    }

    /// @dev Other work with the evidence of what was minted before.
    function mintForSameEvidence(uint256 which, uint8 how) external {
        if (mintedProofs.length == 0) return;
        MintMine.ValueProof memory p = mintedProofs[which % mintedProofs.length];
        p.deadline = uint64(block.timestamp);
        p.salt = keccak256(abi.encode(p.salt, how));
        single(p, how);
    }

    /// @dev Three proofs of which two may be the same, and any may not fit.
    function mintBatch(uint256 reward, uint8 evidence, bool twice, uint8 how) external {
        MintMine.ValueProof[] memory proofs = new MintMine.ValueProof[](3);
        bytes[][] memory signatures = new bytes[][](3);
        proofs[0] = made(reward, evidence, 0);
        proofs[1] = twice ? proofs[0] : made(reward / 3, evidence ^ 0x55, how);
        proofs[2] = made(reward / 7, evidence ^ 0xAA, 0);
        for (uint256 i = 0; i < 3; ++i) signatures[i] = signed(proofs[i], how);
        uint256 told = mine.mintBatch(proofs, signatures);
        uint256 counted = 0;
        for (uint256 i = 0; i < 3; ++i) {
            bool fits = refusal(proofs[i], how) == MintMine.Refusal.None;
            if (fits) {
                book(proofs[i]);
                ++counted;
            }
        }
        eq(told, counted, "a batch mints what the books say");
    }

    /// @dev Any nonce, or the next that solves the challenge.
    function mineWork(uint256 nonce, bool byOfficer, bool search) external {
        address who = byOfficer ? officer : miner;
        bytes32 challenge = work.challenge();
        uint256 target = work.target();
        nonce %= type(uint256).max - 1000;
        while (search && hashOf(challenge, who, nonce) > target) ++nonce;
        uint256 reward = WORK_REWARD >> (solved / PER_ERA);
        bool must = hashOf(challenge, who, nonce) <= target && fitting(reward, workIsSource);
        vm.prank(who);
        bool done = false;
        try work.mint(nonce) {
            done = true;
        } catch {}
        yes(done == must, "a solution is minted when the books say so, and only then");
        if (!done) return;
        ++solved;
        mintedByWork += reward;
        bookEpoch(reward);
        eq(++mintsOfChallenge[challenge], 1, "one mint per challenge");
        yes(work.challenge() != challenge, "the challenge moved on");
    }

    function retarget() external {
        try work.retarget() {} catch {}
    }

    /// @dev A source of its own, often asking for exactly what is left, or for one more.
    function mintAsSource(uint256 amount, uint8 edge) external {
        uint256 left = emission.remainingInEpoch();
        amount = edge < 64 && left > 0 ? left : edge < 128 ? left + 1 : bound(amount, 1, BUDGET);
        bool must = fitting(amount, true);
        vm.prank(admin);
        bool done = false;
        try emission.mint(miner, amount, "source") {
            done = true;
        } catch {}
        yes(done == must, "a source is served when the books say so, and only then");
        if (!done) return;
        mintedByAdmin += amount;
        bookEpoch(amount);
    }

    // Whoever has no right

    function intrude(uint8 which, uint256 amount, bool asMiner) external {
        bytes[8] memory calls = [
            abi.encodeCall(token.mint, (miner, amount)),
            abi.encodeCall(token.pause, ()),
            abi.encodeCall(token.unpause, ()),
            abi.encodeCall(emission.mint, (miner, amount, "theft")),
            abi.encodeCall(emission.setEpochBudget, (amount)),
            abi.encodeCall(mine.mintChecked, (made(amount, which, 0), bytes32(amount))),
            abi.encodeCall(mine.setThreshold, (1)),
            abi.encodeCall(mine.setBurnRate, (0))
        ];
        uint256 index = which % 8;
        address whom = index < 3 ? address(token) : index < 5 ? address(emission) : address(mine);
        vm.prank(asMiner ? miner : officer);
        (bool done,) = whom.call(calls[index]);
        yes(!done, "nobody does what is not theirs");
    }

    // What an admin sets: one time in four the unkind way, so that the economy is mostly alive

    function setPaused(uint8 dice) external {
        bool wanted = dice % 4 == 0;
        if (wanted == paused) return;
        vm.prank(admin);
        if (wanted) token.pause();
        else token.unpause();
        paused = wanted;
    }

    function setBudget(uint256 wanted) external {
        budget = bound(wanted, 0, 4 * BUDGET);
        vm.prank(admin);
        emission.setEpochBudget(budget);
    }

    function setBurnRate(uint256 rate) external {
        burnRate = bound(rate, 0, 10_000);
        vm.prank(admin);
        mine.setBurnRate(burnRate);
    }

    function setThreshold(uint256 wanted) external {
        threshold = bound(wanted, 1, 2);
        if (largeThreshold < threshold) largeThreshold = threshold;
        vm.prank(admin);
        mine.setThreshold(threshold);
    }

    function setLargeReward(uint256 reward, uint256 wanted) external {
        largeReward = bound(reward, 0, BUDGET);
        largeThreshold = bound(wanted, threshold, 2);
        vm.prank(admin);
        mine.setLargeReward(largeReward, largeThreshold);
    }

    function setAttester(bool second, uint8 dice) external {
        address who = vm.addr(second ? SECOND_KEY : ATTESTER_KEY);
        bool wanted = dice % 4 != 0;
        bytes32 role = mine.ATTESTER_ROLE();
        vm.prank(admin);
        if (wanted) mine.grantRole(role, who);
        else mine.revokeRole(role, who);
        for (uint256 i = 0; i < 3; ++i) {
            if (vm.addr(keys[i]) == who) attests[i] = wanted;
        }
    }

    function setSource(bool ofWork, uint8 dice) external {
        bool wanted = dice % 4 != 0;
        bytes32 role = emission.SOURCE_ROLE();
        address who = ofWork ? address(work) : address(mine);
        vm.prank(admin);
        if (wanted) emission.grantRole(role, who);
        else emission.revokeRole(role, who);
        if (ofWork) workIsSource = wanted;
        else valueIsSource = wanted;
    }

    function setMinter(uint8 dice) external {
        emissionMints = dice % 4 != 0;
        bytes32 role = token.MINTER_ROLE();
        vm.prank(admin);
        if (emissionMints) token.grantRole(role, address(emission));
        else token.revokeRole(role, address(emission));
    }

    // What holders do

    function transfer(uint256 amount, bool back) external {
        (address from, address to) = back ? (officer, miner) : (miner, officer);
        amount = bound(amount, 0, token.balanceOf(from));
        vm.prank(from);
        try token.transfer(to, amount) {
            moved();
        } catch {
            stood();
        }
    }

    function burn(uint256 amount) external {
        amount = bound(amount, 0, token.balanceOf(miner) / 8);
        vm.prank(miner);
        try token.burn(amount) {
            moved();
            burned += amount;
        } catch {
            stood();
        }
    }

    function redeem(uint256 amount) external {
        amount = bound(amount, 1, BUDGET / 8);
        vm.prank(miner);
        try redemption.request(amount, "REF") {
            moved();
            open += amount;
        } catch {}
    }

    function complete(uint256 id) external {
        uint256 amount;
        (id, amount) = chosen(id);
        vm.prank(officer);
        try redemption.complete(id, "BANK") {
            moved();
            burned += amount;
            open -= amount;
        } catch {}
    }

    function cancel(uint256 id) external {
        uint256 amount;
        (id, amount) = chosen(id);
        vm.prank(miner);
        try redemption.cancel(id) {
            moved();
            open -= amount;
        } catch {}
    }

    function refund(uint256 id) external {
        uint256 amount;
        (id, amount) = chosen(id);
        (, uint64 refundableAt,,,) = redemption.requests(id);
        try redemption.refund(id) {
            moved();
            open -= amount;
            yes(block.timestamp >= refundableAt, "no refund before its time");
        } catch {}
    }

    function later(uint256 secondsLater) public {
        vm.warp(block.timestamp + bound(secondsLater, 1, 2 * LENGTH));
    }

    // What must hold between any two calls

    function check() external view {
        uint256 supply = token.totalSupply();
        eq(supply, inExistence(), "supply = minted by each source - burned");
        yes(supply <= CAP, "cap");
        uint256 epoch = emission.epoch();
        eq(emission.mintedInEpoch(epoch), mintedIn[epoch], "the epoch's account is gross, of all sources");
        yes(emission.remainingInEpoch() <= CAP - supply, "never more left than the cap has room");
        eq(work.tokensMinted(), mintedByWork, "work counts its own");
        eq(work.epochCount(), solved, "one solution, one epoch of EIP-918");
        yes(work.target() >= HARDEST && work.target() <= EASIEST, "the target keeps its bounds");
        eq(token.balanceOf(address(redemption)), redemption.escrowed(), "the escrow is there");
        eq(redemption.escrowed(), open, "escrow = open requests");
        eq(token.balanceOf(address(mine)), 0, "nothing stays with MintMine");
        eq(token.balanceOf(address(work)), 0, "nothing stays with MineableAzora");
        eq(token.balanceOf(address(emission)), 0, "nothing stays with Emission");
        eq(
            token.balanceOf(miner) + token.balanceOf(officer) + token.balanceOf(HOLDER) + redemption.escrowed(),
            supply,
            "sum of balances = supply"
        );
    }

    // The books

    function inExistence() internal view returns (uint256) {
        return mintedByValue + mintedByWork + mintedByAdmin - burned;
    }

    /// @dev Whether the emission must serve a source.
    function fitting(uint256 amount, bool isSource) internal view returns (bool) {
        return isSource && emissionMints && !paused && mintedIn[emission.epoch()] + amount <= budget
            && inExistence() + amount <= CAP;
    }

    /// @dev What must become of a proof now.
    function refusal(MintMine.ValueProof memory p, uint8 how) internal view returns (MintMine.Refusal) {
        if (p.deadline < block.timestamp) return MintMine.Refusal.Expired;
        if (mintsOfDigest[mine.digest(p)] > 0) return MintMine.Refusal.DigestUsed;
        if (mintsOfEvidence[p.evidence] > 0) return MintMine.Refusal.EvidenceUsed;
        if (!good(p.reward, how)) return MintMine.Refusal.BadSignatures;
        return fitting(p.reward, valueIsSource) ? MintMine.Refusal.None : MintMine.Refusal.EmissionRefused;
    }

    function single(MintMine.ValueProof memory p, uint8 how) internal {
        MintMine.Refusal expected = refusal(p, how);
        bytes[] memory signatures = signed(p, how);
        try mine.mint(p, signatures) {
            yes(expected == MintMine.Refusal.None, "a proof is minted when the books say so, and only then");
            book(p);
        } catch (bytes memory why) {
            yes(expected != MintMine.Refusal.None, "what fits is minted");
            if (expected == MintMine.Refusal.EmissionRefused) return; // in the words of whoever refused
            bytes memory told = abi.encodeWithSelector(MintMine.Refused.selector, mine.digest(p), expected);
            yes(keccak256(why) == keccak256(told), "refused for the reason in the books");
        }
    }

    function book(MintMine.ValueProof memory p) internal {
        mintedByValue += p.reward;
        burned += p.reward * burnRate / 10_000;
        bookEpoch(p.reward);
        bytes32 digest = mine.digest(p);
        eq(++mintsOfDigest[digest], 1, "one mint per digest");
        eq(++mintsOfEvidence[p.evidence], 1, "one mint per evidence");
        yes(mine.usedDigest(digest) && mine.usedEvidence(p.evidence), "both are marked");
        mintedProofs.push(p);
    }

    function bookEpoch(uint256 amount) internal {
        moved();
        mintedIn[emission.epoch()] += amount;
        yes(mintedIn[emission.epoch()] <= budget, "budget");
    }

    function moved() internal view {
        yes(!paused, "nothing moves in a pause");
    }

    function stood() internal view {
        yes(paused, "only a pause stops what a holder does with their own");
    }

    // What is handed in

    function made(uint256 reward, uint8 evidence, uint8 how) internal view returns (MintMine.ValueProof memory p) {
        p = proof(bound(reward, 1, BUDGET), bytes32(uint256(evidence) + 1));
        if (how % 16 == 1) p.deadline = uint64(block.timestamp - 1);
    }

    /// @dev Mostly everybody who may signs, from 144 on in the wrong order; from 192 on whoever the bits of `how` name, with the
    /// fourth in the wrong order.
    function signers(uint8 how) internal view returns (bool[3] memory who, bool backwards) {
        if (how < 192) return (attests, how >= 144);
        for (uint256 i = 0; i < 3; ++i) who[i] = how & (1 << i) != 0;
        return (who, how & 8 != 0);
    }

    function signed(MintMine.ValueProof memory p, uint8 how) internal view returns (bytes[] memory list) {
        (bool[3] memory who, bool backwards) = signers(how);
        uint256 count = 0;
        for (uint256 i = 0; i < 3; ++i) if (who[i]) ++count;
        list = new bytes[](count);
        uint256 next = 0;
        for (uint256 i = 0; i < 3; ++i) {
            if (!who[i]) continue;
            list[backwards ? count - 1 - next : next] = signature(keys[i], p);
            ++next;
        }
    }

    function good(uint256 reward, uint8 how) internal view returns (bool) {
        (bool[3] memory who, bool backwards) = signers(how);
        uint256 count = 0;
        for (uint256 i = 0; i < 3; ++i) {
            if (who[i] && !attests[i]) return false;
            if (who[i]) ++count;
        }
        return count >= (reward > largeReward ? largeThreshold : threshold) && !(backwards && count > 1);
    }

    function hashOf(bytes32 challenge, address who, uint256 nonce) internal pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(challenge, who, nonce)));
    }

    function chosen(uint256 id) internal view returns (uint256, uint256 amount) {
        id = bound(id, 0, redemption.count());
        (,,, amount,) = redemption.requests(id);
        return (id, amount);
    }

    /// @dev In the order of their addresses, as the contract asks.
    function sortKeys() internal {
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 j = 0; j < 2 - i; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[j + 1])) continue;
                (keys[j], keys[j + 1]) = (keys[j + 1], keys[j]);
                (attests[j], attests[j + 1]) = (attests[j + 1], attests[j]);
            }
        }
    }
}
