// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

contract Guild {
    error NotTheMaster(address sender);

    address public immutable master;
    mapping(bytes32 => mapping(address => bool)) private _roles;

    constructor(address master_) {
        master = master_;
    }

    function hasRole(bytes32 role, address account) external view returns (bool) {
        return _roles[role][account];
    }

    function grantRole(bytes32 role, address account) external {
        if (msg.sender != master) revert NotTheMaster(msg.sender);
        _roles[role][account] = true;
    }
}
