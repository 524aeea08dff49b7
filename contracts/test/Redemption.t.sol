// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {AzoraToken} from "../src/AzoraToken.sol";
import {Redemption} from "../src/Redemption.sol";
import {EconomyTest} from "./support/Economy.sol";

contract RedemptionTest is EconomyTest {
    event Requested(uint256 indexed id, address indexed account, uint256 amount, bytes32 reference_, uint64 refundableAt);
    event Completed(uint256 indexed id, bytes32 bankReference);
    event Cancelled(uint256 indexed id);
    event Refunded(uint256 indexed id);

    function setUp() public override {
        super.setUp();
        give(miner, 100);
        vm.prank(miner);
        token.approve(address(redemption), type(uint256).max);
    }

    function request(uint256 amount) internal returns (uint256) {
        vm.prank(miner);
        return redemption.request(amount, "REF");
    }

    function test_parameters_are_checked() public {
        bytes memory bad = abi.encodeWithSelector(Redemption.BadParameter.selector);
        vm.expectRevert(bad);
        new Redemption(AzoraToken(address(0)), admin, 1);
        vm.expectRevert(bad);
        new Redemption(token, address(0), 1);
        vm.expectRevert(bad);
        new Redemption(token, admin, 0);
    }

    function test_a_request_holds_the_azr_and_says_so() public {
        vm.expectEmit(true, true, true, true);
        emit Requested(0, miner, 40, "REF", uint64(block.timestamp) + 1 days);
        eq(request(40), 0, "id");
        eq(token.balanceOf(address(redemption)), 40, "escrow");
        eq(redemption.escrowed(), 40, "escrowed");
    }

    function test_nothing_cannot_be_redeemed() public {
        vm.prank(miner);
        vm.expectRevert(abi.encodeWithSelector(Redemption.NothingAsked.selector));
        redemption.request(0, "REF");
    }

    function test_a_permit_stands_for_the_allowance() public {
        address owner = vm.addr(STRANGER_KEY);
        give(owner, 50);
        bytes32 typeHash = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 body = keccak256(abi.encode(typeHash, owner, address(redemption), 50, 0, block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(STRANGER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), body)));
        vm.prank(owner);
        redemption.requestWithPermit(50, "REF", block.timestamp, v, r, s);
        eq(redemption.escrowed(), 50, "escrowed");
    }

    function test_a_permit_that_was_sent_before_does_no_harm() public {
        vm.prank(miner);
        redemption.requestWithPermit(10, "REF", block.timestamp, 27, bytes32(0), bytes32(0));
        eq(redemption.escrowed(), 10, "the allowance decides");
    }

    function test_completion_burns_and_names_the_payment() public {
        uint256 id = request(40);
        vm.expectEmit(true, true, true, true);
        emit Completed(id, "BANK");
        vm.prank(officer);
        redemption.complete(id, "BANK");
        eq(token.totalSupply(), 60, "burned");
        eq(redemption.escrowed(), 0, "escrowed");
    }

    function test_only_the_officer_completes_and_only_with_a_reference() public {
        uint256 id = request(1);
        bytes32 role = redemption.OFFICER_ROLE();
        vm.prank(miner);
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, miner, role));
        redemption.complete(id, "BANK");
        vm.prank(officer);
        vm.expectRevert(abi.encodeWithSelector(Redemption.NoBankReference.selector));
        redemption.complete(id, 0);
    }

    function test_the_account_or_an_officer_cancels() public {
        uint256 first = request(10);
        uint256 second = request(20);
        vm.prank(address(0x5));
        vm.expectRevert(abi.encodeWithSelector(Redemption.NotYours.selector, first));
        redemption.cancel(first);
        vm.prank(miner);
        redemption.cancel(first);
        vm.expectEmit(true, true, true, true);
        emit Cancelled(second);
        vm.prank(officer);
        redemption.cancel(second);
        eq(token.balanceOf(miner), 100, "all back");
    }

    function test_a_refund_waits_for_the_timeout() public {
        uint256 id = request(10);
        uint64 at = uint64(block.timestamp) + 1 days;
        vm.warp(at - 1);
        vm.expectRevert(abi.encodeWithSelector(Redemption.NotTimedOut.selector, id, at));
        redemption.refund(id);
        vm.warp(at);
        vm.expectEmit(true, true, true, true);
        emit Refunded(id);
        redemption.refund(id);
        eq(token.balanceOf(miner), 100, "back");
    }

    function test_a_request_beyond_balance_or_allowance_holds_nothing() public {
        vm.prank(miner);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, miner, 100, 101));
        redemption.request(101, "REF");
        give(officer, 5);
        vm.prank(officer);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(redemption), 0, 5));
        redemption.request(5, "REF");
        eq(redemption.count(), 0, "no request");
        eq(redemption.escrowed(), 0, "no escrow");
    }

    function test_a_permit_of_somebody_else_holds_nothing() public {
        address owner = vm.addr(STRANGER_KEY);
        give(owner, 50);
        bytes32 typeHash = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 body = keccak256(abi.encode(typeHash, owner, address(redemption), 50, 0, block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(ATTESTER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), body)));
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(redemption), 0, 50));
        redemption.requestWithPermit(50, "REF", block.timestamp, v, r, s);
    }

    function test_a_pause_holds_the_escrow_where_it_is() public {
        uint256 id = request(10);
        vm.prank(admin);
        token.pause();
        bytes memory paused = abi.encodeWithSelector(Pausable.EnforcedPause.selector);
        vm.prank(officer);
        vm.expectRevert(paused);
        redemption.complete(id, "BANK");
        vm.prank(miner);
        vm.expectRevert(paused);
        redemption.cancel(id);
        vm.warp(block.timestamp + 2 days);
        vm.expectRevert(paused);
        redemption.refund(id);
        eq(redemption.escrowed(), 10, "still open");
    }

    function testFuzz_what_goes_in_comes_out_once(uint256 amount, uint8 way) public {
        amount = bound(amount, 1, 100);
        uint256 id = request(amount);
        if (way % 3 == 0) {
            vm.prank(officer);
            redemption.complete(id, "BANK");
        } else if (way % 3 == 1) {
            vm.prank(miner);
            redemption.cancel(id);
        } else {
            vm.warp(block.timestamp + 1 days);
            redemption.refund(id);
        }
        eq(token.balanceOf(address(redemption)), 0, "empty");
        eq(token.balanceOf(miner), way % 3 == 0 ? 100 - amount : 100, "back, or burned");
        eq(token.totalSupply(), token.balanceOf(miner), "supply");
    }

    function test_a_closed_request_stays_closed() public {
        uint256 id = request(10);
        vm.startPrank(officer);
        redemption.complete(id, "BANK");
        bytes memory closed = abi.encodeWithSelector(Redemption.NotOpen.selector, id, Redemption.State.Completed);
        vm.expectRevert(closed);
        redemption.complete(id, "BANK");
        vm.expectRevert(closed);
        redemption.cancel(id);
        vm.expectRevert(closed);
        redemption.refund(id);
        vm.expectRevert(abi.encodeWithSelector(Redemption.NotOpen.selector, 99, Redemption.State.None));
        redemption.complete(99, "BANK");
        vm.stopPrank();
    }
}
