// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {AzoraToken} from "./AzoraToken.sol";
import {Emission} from "./Emission.sol";

/// @title Mining of AZR by proof of work (EIP-918)
/// @notice Whoever finds a nonce whose keccak-256 with the challenge and the own address lies at or below the target gets the reward
/// of the era. Each challenge is solved once. The reward is minted through `Emission`, within its budget and the cap.
/// @dev An epoch of EIP-918 is one challenge. After `adjustmentInterval` of them the target follows the time they took, by a factor of
/// two at most. After `solutionsPerEra` of them an era ends and the reward halves. Nobody can change any of it.
contract MineableAzora {
    /// @notice What an operator chooses once.
    /// @param initialReward of era 0, smallest units of AZR.
    /// @param solutionsPerEra how many solutions share one reward.
    /// @param secondsPerSolution what the target aims at.
    /// @param adjustmentInterval solutions between two adjustments.
    /// @param easiestTarget the target is never above; difficulty is told against it.
    /// @param hardestTarget the target is never below.
    /// @param firstTarget the target of the first challenges.
    struct Rules {
        uint256 initialReward;
        uint64 solutionsPerEra;
        uint64 secondsPerSolution;
        uint64 adjustmentInterval;
        uint256 easiestTarget;
        uint256 hardestTarget;
        uint256 firstTarget;
    }

    /// @notice Longer than this between two solutions, on average, is not aimed at.
    uint64 public constant LONGEST_SECONDS = 1 days;

    /// @notice Where minting is asked for.
    Emission public immutable emission;

    /// @notice The token.
    AzoraToken public immutable token;

    uint256 private immutable _initialReward;
    uint64 private immutable _solutionsPerEra;
    uint64 private immutable _secondsPerSolution;
    uint64 private immutable _adjustmentInterval;
    uint256 private immutable _easiestTarget;
    uint256 private immutable _hardestTarget;

    /// @notice What nonces are hashed with now.
    bytes32 public challenge;

    /// @notice A digest above this is no solution.
    uint256 public target;

    /// @notice Challenges solved so far.
    uint256 public epochCount;

    /// @notice Solutions since the target was last adjusted.
    uint64 public solutionsInPeriod;

    /// @notice When the target was last adjusted, seconds since 1970.
    uint64 public periodStart;

    /// @notice AZR mined by proof of work, smallest units.
    uint256 public tokensMinted;

    /// @notice EIP-918: a challenge was solved and `newChallengeNumber` is the next.
    event Mint(address indexed from, uint256 rewardAmount, uint256 epochCount, bytes32 newChallengeNumber);

    /// @notice The target moved after `solutions` in `elapsed` seconds.
    event Retargeted(uint256 before, uint256 now_, uint64 solutions, uint64 elapsed);

    /// @notice The digest is above the target: a wrong nonce, another sender, or a challenge that was solved meanwhile.
    error NotASolution(bytes32 digest, uint256 target, bytes32 challenge);

    /// @notice The reward has halved away.
    error MiningIsOver(uint256 era);

    /// @notice The period has not lasted twice as long as it should.
    error TooEarly(uint256 notBefore);

    /// @notice The rules contradict each other or themselves.
    error BadParameter();

    /// @param emission_ where minting is asked for; this contract still needs its source role.
    /// @param token_ the token that the emission mints.
    /// @param chosen for good.
    constructor(Emission emission_, AzoraToken token_, Rules memory chosen) {
        if (address(emission_) == address(0) || address(token_) == address(0)) revert BadParameter();
        if (chosen.initialReward == 0 || chosen.solutionsPerEra == 0 || chosen.adjustmentInterval == 0) revert BadParameter();
        if (chosen.secondsPerSolution == 0 || chosen.secondsPerSolution > LONGEST_SECONDS) revert BadParameter();
        if (chosen.hardestTarget == 0 || chosen.firstTarget < chosen.hardestTarget) revert BadParameter();
        if (chosen.easiestTarget < chosen.firstTarget || chosen.easiestTarget > type(uint256).max >> 1) revert BadParameter();
        emission = emission_;
        token = token_;
        _initialReward = chosen.initialReward;
        _solutionsPerEra = chosen.solutionsPerEra;
        _secondsPerSolution = chosen.secondsPerSolution;
        _adjustmentInterval = chosen.adjustmentInterval;
        _easiestTarget = chosen.easiestTarget;
        _hardestTarget = chosen.hardestTarget;
        target = chosen.firstTarget;
        periodStart = uint64(block.timestamp);
        challenge = keccak256(abi.encode(block.chainid, address(this), blockhash(block.number - 1)));
    }

    /// @notice EIP-918: claim the reward for a nonce of the caller's own.
    /// @param nonce any 32 bytes for which `keccak256(challenge ‖ caller ‖ nonce)` is at or below the target.
    /// @return success always true; what is no solution reverts.
    function mint(uint256 nonce) external returns (bool success) {
        bytes32 solved = challenge;
        bytes32 digest = keccak256(abi.encodePacked(solved, msg.sender, nonce));
        if (uint256(digest) > target) revert NotASolution(digest, target, solved);
        uint256 reward = getMiningReward();
        if (reward == 0) revert MiningIsOver(era());
        uint256 number = ++epochCount;
        tokensMinted += reward;
        // The digest was not known before and the last block's hash is no miner's choice alone: nobody can work ahead.
        challenge = keccak256(abi.encode(solved, digest, blockhash(block.number - 1)));
        if (++solutionsInPeriod >= _adjustmentInterval) _retarget();
        emission.mint(msg.sender, reward, digest);
        emit Mint(msg.sender, reward, number, challenge);
        return true;
    }

    /// @notice Anybody may end a period that lasts twice as long as it should: when many workers leave, the target follows at once.
    function retarget() external {
        uint256 notBefore = periodStart + 2 * _expected();
        if (block.timestamp < notBefore) revert TooEarly(notBefore);
        _retarget();
    }

    /// @notice The digest that `mint` would look at, for whoever checks a solution before sending it.
    function digestOf(address miner, uint256 nonce) external view returns (bytes32) {
        return keccak256(abi.encodePacked(challenge, miner, nonce));
    }

    /// @notice How often the reward has halved.
    function era() public view returns (uint256) {
        return epochCount / _solutionsPerEra;
    }

    /// @notice EIP-918: the challenge.
    function getChallengeNumber() external view returns (bytes32) {
        return challenge;
    }

    /// @notice EIP-918: how much harder than at its easiest, at least 1.
    function getMiningDifficulty() external view returns (uint256) {
        return _easiestTarget / target;
    }

    /// @notice EIP-918: the target.
    function getMiningTarget() external view returns (uint256) {
        return target;
    }

    /// @notice EIP-918: what the next solution earns, smallest units of AZR.
    function getMiningReward() public view returns (uint256) {
        uint256 halvings = era();
        return halvings < 256 ? _initialReward >> halvings : 0;
    }

    /// @notice EIP-918: seconds that a period should last.
    function getAdjustmentInterval() external view returns (uint256) {
        return _expected();
    }

    /// @notice EIP-918: as the token's.
    function decimals() external view returns (uint8) {
        return token.decimals();
    }

    /// @notice The rules; `firstTarget` is the present one.
    function rules() external view returns (Rules memory) {
        return Rules(
            _initialReward, _solutionsPerEra, _secondsPerSolution, _adjustmentInterval, _easiestTarget, _hardestTarget, target
        );
    }

    function _expected() internal view returns (uint256) {
        return uint256(_adjustmentInterval) * _secondsPerSolution;
    }

    /// @dev Twice and half are the bounds, so that a clock that is off or a burst of luck cannot throw the target about.
    function _retarget() internal {
        uint256 expected = _expected();
        uint256 elapsed = block.timestamp - periodStart;
        uint256 counted = Math.min(Math.max(elapsed, (expected + 1) / 2), 2 * expected);
        uint256 before = target;
        uint256 next = Math.min(Math.max(Math.mulDiv(before, counted, expected), _hardestTarget), _easiestTarget);
        emit Retargeted(before, next, solutionsInPeriod, uint64(elapsed));
        target = next;
        solutionsInPeriod = 0;
        periodStart = uint64(block.timestamp);
    }
}
