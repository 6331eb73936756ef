/*  AttestFacet.sol -- membership, mesh addresses, CSK commitment and the two owners  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {OwnableStorage} from "@solidstate/contracts/access/ownable/OwnableStorage.sol";
import {SafeOwnableStorage} from "@solidstate/contracts/access/ownable/SafeOwnableStorage.sol";

import {AlreadyRegistered, CskCommitmentAlreadySet, NotClusterOwner, NotOriginator} from "../Errors.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {RemovalStorage} from "../storage/RemovalStorage.sol";
import {MemberRecord} from "../Types.sol";

contract AttestFacet {
    event MemberRegistered(
        bytes32 indexed memberId,
        address indexed memberContract,
        bytes32 indexed attestorId,
        bytes32 xPubKey,
        bytes32 wgPubKey
    );
    event CskCommitmentSet(bytes32 commitment);
    event ClusterOwnershipTransferProposed(address indexed pending);
    event ClusterOwnershipTransferAccepted(address indexed newOwner);
    event BothOwnersTransferProposed(address indexed pending);
    event BothOwnersTransferAccepted(address indexed newOwner);

    // ---- reading ----

    function isClusterMember(address account) external view returns (bool) {
        bytes32 id = MemberStorage.layout().memberIdOf[account];
        return id != 0 && !RemovalStorage.isRemoved(id);
    }

    function memberIdOf(address account) external view returns (bytes32) {
        return MemberStorage.layout().memberIdOf[account];
    }

    /// An all-zero record when `account` is no member; registeredAt tells the two apart.
    function memberOf(address account) external view returns (MemberRecord memory) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        return l.members[l.memberIdOf[account]];
    }

    function memberById(bytes32 memberId) external view returns (MemberRecord memory) {
        return MemberStorage.layout().members[memberId];
    }

    /// Zero for a removed member too: nodes seal secrets to this key and take zero for "no member".
    function xPubKeyOf(bytes32 memberId) external view returns (bytes32) {
        if (RemovalStorage.isRemoved(memberId)) return 0;
        return MemberStorage.layout().members[memberId].xPubKey;
    }

    /// The copy in the member's record. NetworkFacet serves the selector; this one is not cut.
    function wgPubKeyOf(bytes32 memberId) external view returns (bytes32) {
        return MemberStorage.layout().members[memberId].wgPubKey;
    }

    /// In order of registration; the first one originates the CSK. Never shrinks.
    function listMembers() external view returns (bytes32[] memory) {
        return MemberStorage.layout().memberIds;
    }

    function memberCount() external view returns (uint256) {
        return MemberStorage.layout().memberIds.length;
    }

    function clusterOwner() external view returns (address) {
        return MemberStorage.layout().clusterOwner;
    }

    function pendingClusterOwner() external view returns (address) {
        return MemberStorage.layout().pendingClusterOwner;
    }

    function meshCidr() external view returns (uint32 ip, uint8 prefix) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        return (l.meshCidrIp, l.meshCidrPrefix);
    }

    /// Any id has an address, member or not. Prefixes 31 and up leave no host and panic.
    function meshIpOf(bytes32 memberId) external view returns (uint32) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        uint256 hostCount = uint256(1) << (32 - l.meshCidrPrefix);
        uint256 low = uint32(uint256(keccak256(abi.encodePacked(memberId))));
        return l.meshCidrIp | uint32((low % (hostCount - 2)) + 1);
    }

    function cskCommitment() external view returns (bytes32) {
        return MemberStorage.layout().cskCommitment;
    }

    // ---- the originator ----

    /// Storing zero is allowed and leaves the commitment open, as v1 does.
    function setCskCommitment(bytes32 commitment) external {
        MemberStorage.Layout storage l = MemberStorage.layout();
        bytes32 id = l.memberIdOf[msg.sender];
        if (id == 0 || l.memberIds[0] != id || RemovalStorage.isRemoved(id)) revert NotOriginator();
        if (l.cskCommitment != 0) revert CskCommitmentAlreadySet();
        l.cskCommitment = commitment;
        emit CskCommitmentSet(commitment);
    }

    // ---- other facets, through the diamond ----

    function _addMember(MemberRecord calldata record) external returns (bytes32 memberId) {
        MemberStorage.requireSelf();
        MemberStorage.Layout storage l = MemberStorage.layout();
        if (l.memberIdOf[record.memberContract] != 0) revert AlreadyRegistered();

        memberId = keccak256(abi.encode(address(this), record.memberContract, record.attestorId));
        l.members[memberId] = record;
        l.memberIdOf[record.memberContract] = memberId;
        l.memberIds.push(memberId);
        emit MemberRegistered(memberId, record.memberContract, record.attestorId, record.xPubKey, record.wgPubKey);
    }

    function _setWgMirror(bytes32 memberId, bytes32 wgPubKey) external {
        MemberStorage.requireSelf();
        MemberStorage.layout().members[memberId].wgPubKey = wgPubKey;
    }

    // ---- owners ----
    // A cluster has a policy owner (here) and a diamond-cut owner (SolidState). The "both" pair
    // moves them together, so that a handover cannot leave them apart.

    function transferClusterOwnership(address newOwner) external {
        MemberStorage.requireClusterOwner();
        MemberStorage.layout().pendingClusterOwner = newOwner;
        emit ClusterOwnershipTransferProposed(newOwner);
    }

    function acceptClusterOwnership() external {
        MemberStorage.Layout storage l = MemberStorage.layout();
        if (msg.sender != l.pendingClusterOwner) revert NotClusterOwner();
        l.clusterOwner = msg.sender;
        l.pendingClusterOwner = address(0);
        emit ClusterOwnershipTransferAccepted(msg.sender);
    }

    function transferBothOwners(address newOwner) external {
        MemberStorage.requireClusterOwner();
        if (msg.sender != OwnableStorage.layout().owner) revert NotClusterOwner();
        MemberStorage.layout().pendingClusterOwner = newOwner;
        SafeOwnableStorage.layout().nomineeOwner = newOwner;
        emit BothOwnersTransferProposed(newOwner);
    }

    /// No OwnershipTransferred here: v1 emits none on this path, and readers must not expect it.
    function acceptBothOwners() external {
        MemberStorage.Layout storage l = MemberStorage.layout();
        if (msg.sender != l.pendingClusterOwner || msg.sender != SafeOwnableStorage.layout().nomineeOwner) {
            revert NotClusterOwner();
        }
        l.clusterOwner = msg.sender;
        l.pendingClusterOwner = address(0);
        OwnableStorage.layout().owner = msg.sender;
        SafeOwnableStorage.layout().nomineeOwner = address(0);
        emit BothOwnersTransferAccepted(msg.sender);
    }
}
