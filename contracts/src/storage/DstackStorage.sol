/*  DstackStorage.sol -- the allow-lists that dstack boot and registration obey  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

/// ERC-7201 id `attestmesh.storage.Dstack`; allowedAppIds was appended by Path A.
library DstackStorage {
    bytes32 internal constant SLOT = 0x3a6ca0bce3f2eabeff789f3e634310c8ac9ff254a0d573f6389711dd0d3b9600;

    struct Layout {
        mapping(bytes32 composeHash => bool) composeHashes;
        mapping(bytes32 deviceId => bool) deviceIds;
        mapping(address kmsRoot => bool) kmsRoots;
        bool allowAnyDevice;
        bool requireTcbUpToDate;
        mapping(address appId => bool) allowedAppIds;
    }

    function layout() internal pure returns (Layout storage l) {
        assembly {
            l.slot := SLOT
        }
    }
}
