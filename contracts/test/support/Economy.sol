// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {AzoraToken} from "../../src/AzoraToken.sol";
import {Emission} from "../../src/Emission.sol";
import {MintMine} from "../../src/MintMine.sol";
import {Redemption} from "../../src/Redemption.sol";
import {Test} from "./Test.sol";

/// @notice The whole economy, deployed and wired as the console deploys it.
abstract contract Economy is Test {
    uint256 internal constant ATTESTER_KEY = 0xA11CE;
    uint256 internal constant SECOND_KEY = 0xB0B;
    uint256 internal constant STRANGER_KEY = 0xBAD;
    uint64 internal constant LENGTH = 3600;
    uint256 internal constant BUDGET = 36_000e18;

    address internal admin = address(0xAD);
    address internal officer = address(0x0FF1CE);
    address internal miner = address(0x31);

    AzoraToken internal token;
    Emission internal emission;
    MintMine internal mine;
    Redemption internal redemption;

    function deploy() internal {
        vm.warp(1_000_000);
        token = new AzoraToken(admin);
        emission = new Emission(token, admin, uint64(block.timestamp), LENGTH, BUDGET);
        mine = new MintMine(emission, token, admin);
        redemption = new Redemption(token, admin, 1 days);
        vm.startPrank(admin);
        token.grantRole(token.MINTER_ROLE(), address(emission));
        emission.grantRole(emission.SOURCE_ROLE(), address(mine));
        emission.grantRole(emission.SOURCE_ROLE(), admin);
        mine.grantRole(mine.ATTESTER_ROLE(), vm.addr(ATTESTER_KEY));
        redemption.grantRole(redemption.OFFICER_ROLE(), officer);
        vm.stopPrank();
    }

    function proof(uint256 reward, bytes32 evidence) internal view returns (MintMine.ValueProof memory) {
        return MintMine.ValueProof(miner, reward, keccak256("code-review"), evidence, uint64(block.timestamp + 1 hours), evidence);
    }

    function signature(uint256 key, MintMine.ValueProof memory p) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, mine.digest(p));
        return abi.encodePacked(r, s, v);
    }

    function one(bytes memory item) internal pure returns (bytes[] memory list) {
        list = new bytes[](1);
        list[0] = item;
    }

    function give(address to, uint256 amount) internal {
        vm.prank(admin);
        emission.mint(to, amount, "test");
    }
}

/// @notice A fresh economy for each test.
abstract contract EconomyTest is Economy {
    function setUp() public virtual {
        deploy();
    }
}
