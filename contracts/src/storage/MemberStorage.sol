/*  MemberStorage.sol -- members, policy owner, mesh range and CSK commitment  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {NotClusterMember, NotClusterOwner, NotInternalCall} from "../Errors.sol";
import {MemberRecord} from "../Types.sol";
import {RemovalStorage} from "./RemovalStorage.sol";

/// ERC-7201 id `attestmesh.storage.Member`; layout of the protocol page, section 1.8.
/// Appending is the only change that a running cluster survives.
library MemberStorage {
    bytes32 internal constant SLOT = 0xb467e8594a304c917a13600fb1a45cab0b4afdd28a6631433cce9a01f8451200;

    struct Layout {
        mapping(bytes32 memberId => MemberRecord) members;
        mapping(address memberContract => bytes32) memberIdOf;
        bytes32[] memberIds;
        address clusterOwner;
        address pendingClusterOwner;
        uint32 meshCidrIp;
        uint8 meshCidrPrefix;
        bytes32 cskCommitment;
        address memberFactory;
    }

    function layout() internal pure returns (Layout storage l) {
        assembly {
            l.slot := SLOT
        }
    }

    /// The caller's member id, or NotClusterMember; a removed member is none.
    function callerId() internal view returns (bytes32 id) {
        id = layout().memberIdOf[msg.sender];
        if (id == 0 || RemovalStorage.isRemoved(id)) revert NotClusterMember();
    }

    function requireClusterOwner() internal view {
        if (msg.sender != layout().clusterOwner) revert NotClusterOwner();
    }

    /// Internal selectors are public because facets reach each other through the diamond's fallback.
    function requireSelf() internal view {
        if (msg.sender != address(this)) revert NotInternalCall();
    }
}
