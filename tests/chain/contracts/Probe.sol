// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// A token whose allowances, roles and supply can be changed, and that may call itself anything.
contract Token is ERC20, AccessControl {
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    constructor(string memory symbol) ERC20("Token", symbol) {
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
        _mint(msg.sender, 1_000_000);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }

    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }
}

/// Everything that a call may do to others, and every way in which it may fail.
contract Probe is Ownable(msg.sender) {
    error Refused(address who, uint256 amount, bytes32 role);
    error Plain();

    uint256 public stored = 7;
    mapping(address => uint256) public paid;
    address public child;

    receive() external payable {}

    function forward(address payable first, address payable second) external payable {
        paid[first] += msg.value;
        first.transfer(msg.value / 2);
        (bool ok,) = second.call{value: msg.value / 4}("");
        require(ok, "not taken");
    }

    function pull(ERC20 token, address from, address to, uint256 amount) external {
        token.transferFrom(from, address(this), amount);
        token.transfer(to, amount / 2);
    }

    function spawn(string calldata symbol) external payable {
        child = address(new Token(symbol));
        Token(child).transfer(msg.sender, 25);
    }

    function clear() external {
        stored = 0;
    }

    function onlyWhenCleared() external {
        require(stored == 0, "not cleared");
        stored = 9;
    }

    /// A call inside fails and is caught: what it did is undone.
    function tries(ERC20 token, address to) external {
        try this.failsAfterMoving(token, to) {} catch {}
        token.transfer(to, 1);
    }

    function failsAfterMoving(ERC20 token, address to) external {
        token.transfer(to, 5);
        revert Plain();
    }

    function custom() external view {
        revert Refused(msg.sender, stored, keccak256("MINTER_ROLE"));
    }

    function worded() external pure {
        revert("no, thank you");
    }

    function empty() external pure {
        revert();
    }

    function unknown() external pure {
        assembly {
            mstore(0, shl(224, 0x12345678))
            revert(0, 4)
        }
    }

    function overflows(uint256 by) external view returns (uint256) {
        return stored - by;
    }

    function divides(uint256 by) external view returns (uint256) {
        return stored / by;
    }

    function asserts() external view {
        assert(stored == 1);
    }

    function burns() external pure {
        while (true) {}
    }

    function invalid() external pure {
        assembly {
            invalid()
        }
    }

    function late(uint256 deadline) external view {
        require(block.timestamp <= deadline, "too late");
    }

    function early(uint256 from) external view {
        require(block.timestamp >= from, "too early");
    }

    function hashes() external view returns (bytes32) {
        return blockhash(block.number - 1);
    }
}
