// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

/// Tokens that behave as the standard does not foresee; for tests only.
contract Ledger {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public totalSupply;
    uint8 public immutable decimals = 6;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor() {
        balanceOf[msg.sender] = totalSupply = 1_000_000e6;
        emit Transfer(address(0), msg.sender, totalSupply);
    }

    function _move(address to, uint256 value) internal {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
        emit Transfer(msg.sender, to, value);
    }
}

/// As USDT: `transfer` returns nothing, and an allowance must be zero before it is set.
contract Mute is Ledger {
    string public symbol = "MUTE";

    function transfer(address to, uint256 value) external {
        _move(to, value);
    }

    function approve(address spender, uint256 value) external {
        require(value == 0 || allowance[msg.sender][spender] == 0, "set it to zero first");
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
    }
}

/// Says no by returning false, as some old tokens do.
contract Refuser is Ledger {
    bytes32 public symbol = "NOPE";

    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }
}

/// Keeps a hundredth of each transfer, and calls itself what the native coin is called.
contract Taxed is Ledger {
    string public symbol = "ETH";

    function transfer(address to, uint256 value) external returns (bool) {
        _move(to, value - value / 100);
        _move(address(this), value / 100);
        return true;
    }
}
