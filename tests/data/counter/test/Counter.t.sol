// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

import {Counter} from "../src/Counter.sol";

interface Vm {
    function assume(bool) external;
    function expectRevert(bytes calldata) external;
    function assertEq(uint256, uint256) external pure;
    function skip(bool) external;
}

library console {
    function log(string memory text, uint256 number) internal view {
        (bool ok,) = address(0x000000000000000000636F6e736F6c652e6c6f67).staticcall(abi.encodeWithSignature("log(string,uint256)", text, number));
        ok;
    }
}

contract CounterTest {
    Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Counter counter;

    function setUp() public {
        counter = new Counter();
    }

    function test_it_counts() public {
        counter.set(7);
        console.log("count is", counter.count());
        require(counter.count() == 7, "not seven");
    }

    function test_it_fails() public {
        counter.set(8);
        console.log("count is", counter.count());
        require(counter.count() == 7, "not seven");
    }

    function test_custom() public {
        counter.set(8000);
    }

    function test_panic() public view {
        uint256 x = counter.count();
        x - 1;
    }

    function test_vm() public view {
        vm.assertEq(counter.count(), 3);
    }

    function test_skipped() public {
        vm.skip(true);
    }

    function testFuzz_small(uint256 to) public {
        counter.set(to);
    }
}

contract Handler {
    Counter public counter;
    constructor(Counter c) { counter = c; }
    function set(uint256 to) external { counter.set(to % 1000); }
}

contract CounterInvariants {
    Counter counter;
    Handler handler;
    address[] _targets;

    function setUp() public {
        counter = new Counter();
        handler = new Handler(counter);
        _targets.push(address(handler));
    }

    function targetContracts() public view returns (address[] memory) {
        return _targets;
    }

    function invariant_small() public view {
        require(counter.count() < 10, "count is not small");
    }

    function invariant_true() public view {
        require(counter.count() < 1001, "count is not small");
    }
}

contract BrokenSetUp {
    function setUp() public pure {
        revert("no set-up");
    }
    function test_never_runs() public pure {}
}
