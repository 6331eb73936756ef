/*  BootstrapCall.sol -- reads the one call that an ownerless member account may make  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {InvalidBootstrapCall} from "./Errors.sol";
import {ICluster} from "./ICluster.sol";

/// execute(cluster, 0, dstack_register(proof, member, xPubKey, wgPubKey)). Parsed by hand because
/// abi.decode reverts without a name, and whatever deviates here has to be InvalidBootstrapCall.
library BootstrapCall {
    bytes4 private constant EXECUTE = bytes4(keccak256("execute(address,uint256,bytes)"));
    /// Selector and three head words.
    uint256 private constant MIN_LENGTH = 100;

    /// Positions of head words, behind the selector.
    uint256 private constant TARGET = 0;
    uint256 private constant VALUE = 32;
    uint256 private constant DATA = 64;
    uint256 private constant PROOF = 0;
    uint256 private constant MEMBER = 32;
    uint256 private constant X_PUB = 64;
    uint256 private constant WG_PUB = 96;
    uint256 private constant PROOF_MESSAGE_SIGNATURE = 64;

    /// Returns both public keys and the binding signature inside the proof, not yet looked at.
    function parse(bytes calldata callData, address cluster, address member)
        internal
        pure
        returns (bytes32 xPubKey, bytes32 wgPubKey, bytes calldata signature)
    {
        if (callData.length < MIN_LENGTH || bytes4(callData) != EXECUTE) revert InvalidBootstrapCall();
        bytes calldata args = callData[4:];
        if (uint256(_word(args, TARGET)) != uint160(cluster)) revert InvalidBootstrapCall();
        if (_word(args, VALUE) != 0) revert InvalidBootstrapCall();

        bytes calldata inner = _bytes(args, 0, DATA);
        if (inner.length < 4 || bytes4(inner) != ICluster.dstack_register.selector) revert InvalidBootstrapCall();
        args = inner[4:];
        if (uint256(_word(args, MEMBER)) != uint160(member)) revert InvalidBootstrapCall();

        xPubKey = _word(args, X_PUB);
        wgPubKey = _word(args, WG_PUB);
        signature = _bytes(args, _offset(args, PROOF), PROOF_MESSAGE_SIGNATURE);
    }

    function _word(bytes calldata data, uint256 at) private pure returns (bytes32) {
        if (data.length < 32 || at > data.length - 32) revert InvalidBootstrapCall();
        return bytes32(data[at:at + 32]);
    }

    /// An ABI offset. Nothing honest lies beyond the data, and small numbers cannot overflow a sum.
    function _offset(bytes calldata data, uint256 at) private pure returns (uint256 offset) {
        offset = uint256(_word(data, at));
        if (offset > data.length) revert InvalidBootstrapCall();
    }

    /// The dynamic bytes whose offset stands at `head` of the tuple that starts at `tuple`.
    function _bytes(bytes calldata data, uint256 tuple, uint256 head) private pure returns (bytes calldata) {
        uint256 at = tuple + _offset(data, tuple + head);
        uint256 length = uint256(_word(data, at));
        at += 32;
        if (length > data.length - at) revert InvalidBootstrapCall();
        return data[at:at + length];
    }
}
