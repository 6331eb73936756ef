/*  MessageStorage.sol -- which envelopes each recipient was already sent  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

/// ERC-7201 id `attestmesh.storage.Message`.
library MessageStorage {
    bytes32 internal constant SLOT = 0x01ed23594c696028727ead8f00e63e0673d543f2d3613a2c2fc01abf2ca2d100;

    struct Layout {
        mapping(bytes32 recipient => mapping(bytes32 envelopeId => bool)) used;
    }

    function layout() internal pure returns (Layout storage l) {
        assembly {
            l.slot := SLOT
        }
    }
}
