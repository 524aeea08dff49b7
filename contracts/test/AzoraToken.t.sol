// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ERC20Capped} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Capped.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {AzoraToken} from "../src/AzoraToken.sol";
import {MockERC20} from "../src/MockERC20.sol";
import {EconomyTest} from "./support/Economy.sol";
import {Test} from "./support/Test.sol";

contract MockERC20Test is Test {
    function testFuzz_a_mock_gives_anyone_anything(uint256 amount) public {
        MockERC20 mock = new MockERC20("Mock", "MCK", 6);
        mock.mint(address(this), amount);
        eq(mock.balanceOf(address(this)), amount, "minted");
        eq(mock.decimals(), 6, "decimals");
    }
}

contract AzoraTokenTest is EconomyTest {
    event Transfer(address indexed from, address indexed to, uint256 value);

    function test_names_cap_and_decimals() public view {
        yes(keccak256(bytes(token.symbol())) == keccak256("AZR"), "symbol");
        yes(keccak256(bytes(token.name())) == keccak256("Azora"), "name");
        eq(token.decimals(), 18, "decimals");
        eq(token.cap(), 1_000_000_000e18, "cap");
    }

    function test_needs_an_admin() public {
        vm.expectRevert(abi.encodeWithSelector(AzoraToken.NoAdmin.selector));
        new AzoraToken(address(0));
    }

    function test_only_the_minter_mints() public {
        bytes32 role = token.MINTER_ROLE();
        vm.prank(miner);
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, miner, role));
        token.mint(miner, 1);
    }

    function test_the_cap_holds_to_the_last_unit() public {
        uint256 cap = token.CAP();
        vm.startPrank(address(emission));
        token.mint(miner, cap);
        vm.expectRevert(abi.encodeWithSelector(ERC20Capped.ERC20ExceededCap.selector, cap + 1, cap));
        token.mint(miner, 1);
        vm.stopPrank();
        vm.prank(miner);
        token.burn(1);
        eq(token.totalSupply(), cap - 1, "a burn frees room");
    }

    function test_a_pause_stops_transfer_mint_and_burn() public {
        give(miner, 10);
        vm.prank(admin);
        token.pause();
        vm.startPrank(miner);
        vm.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        token.transfer(admin, 1);
        vm.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        token.burn(1);
        vm.stopPrank();
        vm.prank(address(emission));
        vm.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
        token.mint(miner, 1);
        vm.prank(admin);
        token.unpause();
        vm.prank(miner);
        token.transfer(admin, 1);
        eq(token.balanceOf(admin), 1, "resumed");
    }

    function test_only_the_pauser_pauses_and_resumes() public {
        bytes32 role = token.PAUSER_ROLE();
        bytes memory refused = abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, miner, role);
        vm.startPrank(miner);
        vm.expectRevert(refused);
        token.pause();
        vm.expectRevert(refused);
        token.unpause();
        vm.stopPrank();
    }

    function test_a_permit_ends_with_its_deadline() public {
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, block.timestamp - 1));
        token.permit(miner, admin, 1, block.timestamp - 1, 27, bytes32(0), bytes32(0));
    }

    function test_burning_from_another_needs_an_allowance() public {
        give(miner, 10);
        vm.prank(admin);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, admin, 0, 4));
        token.burnFrom(miner, 4);
        vm.prank(miner);
        token.approve(admin, 4);
        vm.prank(admin);
        token.burnFrom(miner, 4);
        eq(token.totalSupply(), 6, "burned");
    }

    function test_supply_changes_are_transfers_from_and_to_zero() public {
        vm.expectEmit(true, true, true, true);
        emit Transfer(address(0), miner, 10);
        vm.prank(address(emission));
        token.mint(miner, 10);
        vm.expectEmit(true, true, true, true);
        emit Transfer(miner, address(0), 3);
        vm.prank(miner);
        token.burn(3);
    }

    function testFuzz_a_permit_allows_exactly_once(uint256 amount) public {
        address owner = vm.addr(STRANGER_KEY);
        bytes32 digest = keccak256(
            abi.encodePacked(
                hex"1901",
                token.DOMAIN_SEPARATOR(),
                keccak256(
                    abi.encode(
                        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                        owner,
                        miner,
                        amount,
                        token.nonces(owner),
                        block.timestamp
                    )
                )
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(STRANGER_KEY, digest);
        token.permit(owner, miner, amount, block.timestamp, v, r, s);
        eq(token.allowance(owner, miner), amount, "allowance");
        vm.expectRevert();
        token.permit(owner, miner, amount, block.timestamp, v, r, s);
    }
}
