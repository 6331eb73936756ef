/*  RemovalFacet.sol -- members are removed by a tombstone that frees nothing  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {MemberAlreadyRemoved, MemberUnknown} from "../Errors.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {RemovalStorage} from "../storage/RemovalStorage.sol";

/// What stays: the record, the member id, its place in listMembers (so [0] is the originator for
/// ever), the mesh address, the published keys, the binding of the contract. Nobody can take any of
/// it again, the removed member included: a second registration is AlreadyRegistered.
///
/// What ends, where this release's facets serve the selectors:
///   isClusterMember is false; xPubKeyOf is zero, which a v1 node reads as "requester is not a
///   cluster member" before it hands out the CSK; send, publishWgKey and publishEd25519Key are
///   NotClusterMember; nothing can be sent to it (RecipientNotMember); setCskCommitment is
///   NotOriginator; isAppAllowed says no, so the dstack KMS gives its VM no keys at the next boot,
///   even where the owner's app id list still names it.
/// memberIdOf, memberOf, memberById, listMembers and memberCount answer as before: v1 nodes take
/// their own record and their peers from these, and must not see indices move.
///
/// A running cluster adds this facet and replaces those seven selectors in one diamondCut. With this
/// facet alone the tombstones are seen by nodes that ask for them, and by nobody else.
///
/// A removal cannot be taken back. A CSK that was already handed out is not made unknown by it.
/// A cluster whose originator is removed before it committed has no CSK and never gets one.
contract RemovalFacet {
    event MemberRemoved(bytes32 indexed memberId, address indexed memberContract, uint64 removedAt);

    function removeMember(bytes32 memberId) external {
        MemberStorage.requireClusterOwner();
        address memberContract = MemberStorage.layout().members[memberId].memberContract;
        if (memberContract == address(0)) revert MemberUnknown();
        RemovalStorage.Layout storage l = RemovalStorage.layout();
        if (l.removedAt[memberId] != 0) revert MemberAlreadyRemoved();

        l.removedAt[memberId] = uint64(block.timestamp);
        l.removed.push(memberId);
        emit MemberRemoved(memberId, memberContract, uint64(block.timestamp));
    }

    /// Seconds of block time; zero while the member is none that was removed.
    function removedAt(bytes32 memberId) external view returns (uint64) {
        return RemovalStorage.layout().removedAt[memberId];
    }

    /// In order of removal; a node reads all of them in one call.
    function removedMembers() external view returns (bytes32[] memory) {
        return RemovalStorage.layout().removed;
    }
}
