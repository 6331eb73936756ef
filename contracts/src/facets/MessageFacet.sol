/*  MessageFacet.sol -- sealed envelopes from member to member, carried by events  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {DuplicateEnvelope, RecipientNotMember} from "../Errors.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {MessageStorage} from "../storage/MessageStorage.sol";
import {RemovalStorage} from "../storage/RemovalStorage.sol";

contract MessageFacet {
    event MessageSent(
        bytes32 indexed senderMemberId,
        bytes32 indexed recipientMemberId,
        bytes32 indexed envelopeId,
        bytes ciphertext
    );

    /// An envelope id is spent per recipient, whoever the sender was. The text lives in the log only.
    function send(bytes32 recipientMemberId, bytes32 envelopeId, bytes calldata ciphertext) external {
        _send(MemberStorage.callerId(), recipientMemberId, envelopeId, ciphertext);
    }

    /// The policy owner's way to speak to one member: the same envelope ids are spent. Its sender is
    /// no member id but a hash of the owner's address, so that no member can be taken for the owner.
    /// v1's factory does not cut this one; a cluster gets it by a later cut.
    function sendOwnerCommand(bytes32 recipientMemberId, bytes32 envelopeId, bytes calldata ciphertext) external {
        MemberStorage.requireClusterOwner();
        bytes32 sender = keccak256(abi.encodePacked("attestmesh.cluster-owner.v1", msg.sender));
        _send(sender, recipientMemberId, envelopeId, ciphertext);
    }

    function _send(bytes32 sender, bytes32 recipientMemberId, bytes32 envelopeId, bytes calldata ciphertext) private {
        if (MemberStorage.layout().members[recipientMemberId].memberContract == address(0)
                || RemovalStorage.isRemoved(recipientMemberId)) {
            revert RecipientNotMember();
        }
        mapping(bytes32 => bool) storage used = MessageStorage.layout().used[recipientMemberId];
        if (used[envelopeId]) revert DuplicateEnvelope();
        used[envelopeId] = true;
        emit MessageSent(sender, recipientMemberId, envelopeId, ciphertext);
    }
}
