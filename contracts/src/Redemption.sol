// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {AzoraToken} from "./AzoraToken.sol";

/// @title Redemption of AZR for fiat
/// @notice Holds AZR in escrow while the bank pays. Completed: burned. Cancelled, or timed out: back to its owner.
/// @dev That the bank paid is a statement of the officer; the chain proves only that it was made, and when.
contract Redemption is AccessControl {
    using SafeERC20 for AzoraToken;

    /// @notice Where a request stands.
    enum State {
        None,
        Requested,
        Completed,
        Cancelled,
        Refunded
    }

    /// @notice One request.
    struct Request {
        address account;
        uint64 refundableAt;
        State state;
        uint256 amount;
        bytes32 reference_;
    }

    /// @notice May state that the bank paid.
    bytes32 public constant OFFICER_ROLE = keccak256("OFFICER_ROLE");

    /// @notice The token.
    AzoraToken public immutable token;

    /// @notice Seconds after which an account may take its AZR back by itself.
    uint64 public immutable timeout;

    /// @notice All AZR in escrow.
    uint256 public escrowed;

    /// @notice How many requests there were; ids run from 0.
    uint256 public count;

    /// @notice The requests by id.
    mapping(uint256 id => Request request) public requests;

    /// @notice AZR went into escrow. `reference` is what the payment will carry.
    event Requested(uint256 indexed id, address indexed account, uint256 amount, bytes32 reference_, uint64 refundableAt);

    /// @notice The officer stated that the bank paid; the AZR was burned.
    event Completed(uint256 indexed id, bytes32 bankReference);

    /// @notice Taken back by its account or by an officer.
    event Cancelled(uint256 indexed id);

    /// @notice Taken back by its account after the timeout.
    event Refunded(uint256 indexed id);

    /// @notice Nothing cannot be redeemed.
    error NothingAsked();

    /// @notice The request is not open.
    error NotOpen(uint256 id, State state);

    /// @notice Only the account or an officer.
    error NotYours(uint256 id);

    /// @notice The officer still has time.
    error NotTimedOut(uint256 id, uint64 refundableAt);

    /// @notice A payment without a reference cannot be found again.
    error NoBankReference();

    /// @notice A token, an admin and a timeout are needed.
    error BadParameter();

    /// @param token_ the token.
    /// @param admin holds the admin role.
    /// @param timeout_ seconds, not 0.
    constructor(AzoraToken token_, address admin, uint64 timeout_) {
        if (address(token_) == address(0) || admin == address(0) || timeout_ == 0) revert BadParameter();
        token = token_;
        timeout = timeout_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @notice Put `amount` into escrow; needs an allowance.
    /// @param amount smallest units of AZR.
    /// @param reference_ what the payment will carry.
    /// @return id of the request.
    function request(uint256 amount, bytes32 reference_) external returns (uint256 id) {
        return _request(amount, reference_);
    }

    /// @notice The same with an ERC-2612 permit in place of an allowance.
    /// @dev A permit that somebody else already sent is no harm: the allowance decides.
    function requestWithPermit(uint256 amount, bytes32 reference_, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 id)
    {
        try token.permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        return _request(amount, reference_);
    }

    /// @notice State that the bank paid. The escrowed AZR is burned.
    /// @param id of the request.
    /// @param bankReference of the payment, as on the statement.
    function complete(uint256 id, bytes32 bankReference) external onlyRole(OFFICER_ROLE) {
        if (bankReference == bytes32(0)) revert NoBankReference();
        Request storage found = _close(id, State.Completed);
        token.burn(found.amount);
        emit Completed(id, bankReference);
    }

    /// @notice Take an open request back; by its account or by an officer.
    function cancel(uint256 id) external {
        if (msg.sender != requests[id].account && !hasRole(OFFICER_ROLE, msg.sender)) revert NotYours(id);
        Request storage found = _close(id, State.Cancelled);
        token.safeTransfer(found.account, found.amount);
        emit Cancelled(id);
    }

    /// @notice After the timeout anyone may send the AZR back to its account.
    function refund(uint256 id) external {
        Request storage found = _close(id, State.Refunded);
        if (block.timestamp < found.refundableAt) revert NotTimedOut(id, found.refundableAt);
        token.safeTransfer(found.account, found.amount);
        emit Refunded(id);
    }

    function _request(uint256 amount, bytes32 reference_) internal returns (uint256 id) {
        if (amount == 0) revert NothingAsked();
        id = count++;
        uint64 refundableAt = uint64(block.timestamp) + timeout;
        requests[id] = Request(msg.sender, refundableAt, State.Requested, amount, reference_);
        escrowed += amount;
        token.safeTransferFrom(msg.sender, address(this), amount);
        emit Requested(id, msg.sender, amount, reference_, refundableAt);
    }

    function _close(uint256 id, State end) internal returns (Request storage found) {
        found = requests[id];
        if (found.state != State.Requested) revert NotOpen(id, found.state);
        found.state = end;
        escrowed -= found.amount;
    }
}
