// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {AzoraToken} from "./AzoraToken.sol";
import {Emission} from "./Emission.sol";

/// @title Mint mining by proof of value
/// @notice Turns a proof that attesters have signed (EIP-712) into AZR, once: a digest and an evidence hash can each be used once.
/// @dev The used *digest* is stored, not the used signature, which could be written in two ways. A burn rate is applied after
/// minting as a transfer to zero of its own, so what is *minted* is gross.
contract MintMine is AccessControl, EIP712 {
    /// @notice What attesters sign. Frozen: name 'Azora MintMine', version '1'.
    /// @param contributor gets the reward.
    /// @param reward gross, smallest units of AZR.
    /// @param activity what was done, as a hash of its name in the reward policy.
    /// @param evidence hash of the evidence file.
    /// @param deadline last second at which it may be minted.
    /// @param salt makes equal work at different times differ.
    struct ValueProof {
        address contributor;
        uint256 reward;
        bytes32 activity;
        bytes32 evidence;
        uint64 deadline;
        bytes32 salt;
    }

    /// @notice Why a proof of a batch was not minted.
    enum Refusal {
        None,
        Expired,
        DigestUsed,
        EvidenceUsed,
        BadSignatures,
        EmptyProof,
        EmissionRefused
    }

    /// @notice A signature of its holder counts.
    bytes32 public constant ATTESTER_ROLE = keccak256("ATTESTER_ROLE");

    /// @notice EIP-712 type hash of `ValueProof`.
    bytes32 public constant VALUE_PROOF_TYPEHASH = keccak256(
        "ValueProof(address contributor,uint256 reward,bytes32 activity,bytes32 evidence,uint64 deadline,bytes32 salt)"
    );

    /// @notice The whole, in basis points.
    uint256 public constant BASIS_POINTS = 10_000;

    /// @notice More attesters than these cannot be asked for.
    uint256 public constant MOST_ATTESTERS = 255;

    /// @notice Where minting is asked for.
    Emission public immutable emission;

    /// @notice The token.
    AzoraToken public immutable token;

    /// @dev One slot, so that a mint reads all of it at once. Rewards above `large` need `large threshold` attesters.
    uint32 private _threshold = 1;
    uint32 private _largeThreshold = 1;
    uint192 private _largeReward = type(uint192).max;

    /// @notice Share of each reward that is burned after minting, in basis points.
    uint256 public burnRate;

    /// @notice Digests of proofs that were minted.
    mapping(bytes32 digest => bool used) public usedDigest;

    /// @notice Evidence that was minted for.
    mapping(bytes32 evidence => bool used) public usedEvidence;

    /// @notice A proof became AZR. `reward` is gross; `burned` of it was burned at once.
    event ProofMinted(
        bytes32 indexed digest,
        address indexed contributor,
        uint256 reward,
        bytes32 indexed evidence,
        bytes32 activity,
        uint256 burned
    );

    /// @notice A proof of a batch was not minted; `reason` is a `Refusal`.
    event ProofRefused(bytes32 indexed digest, uint8 reason);

    /// @notice The number of signatures needed changed.
    event ThresholdChanged(uint256 before, uint256 now_);

    /// @notice Rewards above `reward` (smallest units) need `threshold` attesters from now on.
    event LargeRewardChanged(uint256 reward, uint256 threshold);

    /// @notice The burn rate changed, in basis points.
    event BurnRateChanged(uint256 before, uint256 now_);

    /// @notice The proof cannot be minted, and why.
    error Refused(bytes32 digest, Refusal reason);

    /// @notice A threshold of 0 would need nobody, and one above 255 more than anybody can gather; large rewards never need fewer.
    error BadThreshold();

    /// @notice More than the whole cannot be burned.
    error BadBurnRate();

    /// @notice There must be one list of signatures per proof.
    error LengthsDiffer();

    /// @notice Only this contract calls it, to undo one proof of a batch alone.
    error OnlySelf();

    /// @notice Contracts and an admin are needed.
    error BadParameter();

    /// @param emission_ where minting is asked for; this contract still needs its source role.
    /// @param token_ the token that the emission mints.
    /// @param admin holds the admin role.
    constructor(Emission emission_, AzoraToken token_, address admin) EIP712("Azora MintMine", "1") {
        if (address(emission_) == address(0) || address(token_) == address(0) || admin == address(0)) revert BadParameter();
        emission = emission_;
        token = token_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @notice How many attesters must have signed, at least.
    function threshold() external view returns (uint256) {
        return _threshold;
    }

    /// @notice Above this reward `largeThreshold` attesters must have signed, smallest units of AZR.
    function largeReward() external view returns (uint256) {
        return _largeReward;
    }

    /// @notice How many attesters must have signed above `largeReward`.
    function largeThreshold() external view returns (uint256) {
        return _largeThreshold;
    }

    /// @notice How many attesters must have signed a proof of this reward.
    function required(uint256 reward) public view returns (uint256) {
        return reward > _largeReward ? _largeThreshold : _threshold;
    }

    /// @notice The EIP-712 digest of a proof on this chain and contract.
    function digest(ValueProof calldata proof) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    VALUE_PROOF_TYPEHASH,
                    proof.contributor,
                    proof.reward,
                    proof.activity,
                    proof.evidence,
                    proof.deadline,
                    proof.salt
                )
            )
        );
    }

    /// @notice Mint one proof, or revert with the reason.
    /// @param proof what was attested.
    /// @param signatures of attesters, in ascending order of their addresses, 65 bytes each.
    function mint(ValueProof calldata proof, bytes[] calldata signatures) external {
        bytes32 id = digest(proof);
        Refusal reason = _check(proof, id, signatures);
        if (reason != Refusal.None) revert Refused(id, reason);
        _mint(proof, id);
    }

    /// @notice Mint many proofs; one that cannot be minted is reported by `ProofRefused` and does not stop the others.
    /// @param proofs what was attested.
    /// @param signatures one list per proof, as in `mint`.
    /// @return minted how many were minted.
    function mintBatch(ValueProof[] calldata proofs, bytes[][] calldata signatures) external returns (uint256 minted) {
        if (proofs.length != signatures.length) revert LengthsDiffer();
        for (uint256 i = 0; i < proofs.length; ++i) {
            bytes32 id = digest(proofs[i]);
            Refusal reason = _check(proofs[i], id, signatures[i]);
            if (reason == Refusal.None) {
                try this.mintChecked(proofs[i], id) {
                    ++minted;
                    continue;
                } catch {
                    reason = Refusal.EmissionRefused;
                }
            }
            emit ProofRefused(id, uint8(reason));
        }
    }

    /// @notice One proof of a batch, already checked; external so that its failure can be caught.
    function mintChecked(ValueProof calldata proof, bytes32 id) external {
        if (msg.sender != address(this)) revert OnlySelf();
        _mint(proof, id);
    }

    /// @notice Ask for another number of signatures. Large rewards never need fewer than others.
    function setThreshold(uint256 threshold_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (threshold_ == 0 || threshold_ > MOST_ATTESTERS) revert BadThreshold();
        emit ThresholdChanged(_threshold, threshold_);
        _threshold = uint32(threshold_);
        if (_largeThreshold < threshold_) {
            _largeThreshold = uint32(threshold_);
            emit LargeRewardChanged(_largeReward, threshold_);
        }
    }

    /// @notice Ask for more signatures above a reward.
    /// @param reward smallest units of AZR; a proof of more than this needs them.
    /// @param threshold_ how many, at least `threshold`.
    function setLargeReward(uint256 reward, uint256 threshold_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (threshold_ < _threshold || threshold_ > MOST_ATTESTERS || reward > type(uint192).max) revert BadThreshold();
        emit LargeRewardChanged(reward, threshold_);
        _largeReward = uint192(reward);
        _largeThreshold = uint32(threshold_);
    }

    /// @notice Burn another share of each reward, in basis points.
    function setBurnRate(uint256 burnRate_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (burnRate_ > BASIS_POINTS) revert BadBurnRate();
        emit BurnRateChanged(burnRate, burnRate_);
        burnRate = burnRate_;
    }

    function _check(ValueProof calldata proof, bytes32 id, bytes[] calldata signatures) internal view returns (Refusal) {
        if (proof.contributor == address(0) || proof.reward == 0 || proof.evidence == bytes32(0)) return Refusal.EmptyProof;
        if (block.timestamp > proof.deadline) return Refusal.Expired;
        if (usedDigest[id]) return Refusal.DigestUsed;
        if (usedEvidence[proof.evidence]) return Refusal.EvidenceUsed;
        return _attested(id, proof.reward, signatures) ? Refusal.None : Refusal.BadSignatures;
    }

    /// @dev Ascending signers cannot repeat, so the threshold counts distinct attesters. All given signatures must be good.
    function _attested(bytes32 id, uint256 reward, bytes[] calldata signatures) internal view returns (bool) {
        if (signatures.length < required(reward)) return false;
        address last = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer, ECDSA.RecoverError error,) = ECDSA.tryRecover(id, signatures[i]);
            if (error != ECDSA.RecoverError.NoError || signer <= last || !hasRole(ATTESTER_ROLE, signer)) return false;
            last = signer;
        }
        return true;
    }

    function _mint(ValueProof calldata proof, bytes32 id) internal {
        usedDigest[id] = true;
        usedEvidence[proof.evidence] = true;
        uint256 burned = proof.reward / BASIS_POINTS * burnRate + (proof.reward % BASIS_POINTS) * burnRate / BASIS_POINTS;
        if (burned == 0) {
            emission.mint(proof.contributor, proof.reward, id);
        } else {
            // The gross reward is minted here first, so that the burn needs no allowance of the contributor.
            emission.mint(address(this), proof.reward, id);
            token.burn(burned);
            if (proof.reward > burned) token.transfer(proof.contributor, proof.reward - burned);
        }
        emit ProofMinted(id, proof.contributor, proof.reward, proof.evidence, proof.activity, burned);
    }
}
