/*  NetworkStorage.sol -- the public keys that a member publishes for its peers  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

/// ERC-7201 id `attestmesh.storage.Network`; ed25519Keys was appended by a later cut.
library NetworkStorage {
    bytes32 internal constant SLOT = 0x474b09740077ffacfbf2d439dfedf08d163ee733bb577268273bf24437752a00;

    struct Layout {
        mapping(bytes32 memberId => bytes32) wgPubKeys;
        mapping(bytes32 memberId => bytes32) ed25519Keys;
    }

    function layout() internal pure returns (Layout storage l) {
        assembly {
            l.slot := SLOT
        }
    }
}
