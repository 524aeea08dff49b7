// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Every way in which a variable can lie in storage, and calls that go wrong in every way.
contract Shapes {
    enum Colour { Red, Green, Blue }
    struct Point { int64 x; int64 y; uint256 weight; address owner; }

    uint8 public small;
    bool public flag;
    int16 public negative;
    address public who;
    uint256 public large;
    Colour public colour;
    bytes4 public tag;
    string public text;
    bytes public blob;
    Point public point;
    uint16[5] public fixedSmall;
    uint256[2] public fixedLarge;
    uint256[] public list;
    uint8[] public packed;
    Point[] public points;
    mapping(address => uint256) public balances;
    mapping(address => mapping(uint256 => bool)) public nested;
    mapping(bytes32 => Point) public places;
    Inner public inner;

    error TooLarge(uint256 given, uint256 limit);
    event Filled(address indexed by, Colour colour, int64[2] at);

    function fill(address a, bytes32 place, uint256 id) external payable returns (uint256, bool) {
        small = 7; flag = true; negative = -3; who = a; large = type(uint256).max; colour = Colour.Blue; tag = 0xdeadbeef;
        text = "short"; blob = hex"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021";
        point = Point(-5, 6, 70, a);
        fixedSmall[3] = 33; fixedLarge[1] = 11;
        list.push(1); list.push(2);
        for (uint8 i = 1; i < 41; ++i) packed.push(i);
        points.push(Point(1, -2, 3, address(this)));
        balances[a] = 5; nested[a][id] = true; places[place] = Point(9, 9, 9, a);
        emit Filled(a, colour, [int64(-5), 6]);
        return (list.length, flag);
    }

    function make() external { inner = new Inner(large, text); }
    function limited(uint256 n) external { large = n; if (n > 10) revert TooLarge(n, 10); }
    function divided(uint256 n) external pure returns (uint256) { return 1 / n; }
    function swallowed(uint256 n) external { try this.limited(n) {} catch { small = 1; } }
    receive() external payable { balances[msg.sender] += msg.value; }
}

contract Inner {
    uint256 public immutable start;
    string public name;
    constructor(uint256 start_, string memory name_) { start = start_; name = name_; }
}

/// The smallest proxy: everything is done by another's code on its own storage.
contract Proxy {
    address private immutable _implementation;
    constructor(address implementation) { _implementation = implementation; }
    fallback() external payable {
        address to = _implementation;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), to, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(ok) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}
