/*  RemovalStorage.sol -- the tombstones of removed members  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

/// ERC-7201 id `attestmesh.storage.Removal`. A namespace of its own: v1's layouts stay as they are,
/// and on a cluster that never cut the facet every word here reads zero, which is "not removed".
library RemovalStorage {
    bytes32 internal constant SLOT = 0xb5d56e1c980319b60a23eafda02eb157cc872007df89e57e8932f7c493175000;

    struct Layout {
        mapping(bytes32 memberId => uint64) removedAt;
        bytes32[] removed;
    }

    function layout() internal pure returns (Layout storage l) {
        assembly {
            l.slot := SLOT
        }
    }

    function isRemoved(bytes32 memberId) internal view returns (bool) {
        return layout().removedAt[memberId] != 0;
    }
}
