/*  MessageFacet.sol -- sealed envelopes from member to member, carried by events  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {DuplicateEnvelope, RecipientNotMember} from "../Errors.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {MessageStorage} from "../storage/MessageStorage.sol";

contract MessageFacet {
    event MessageSent(
        bytes32 indexed senderMemberId,
        bytes32 indexed recipientMemberId,
        bytes32 indexed envelopeId,
        bytes ciphertext
    );

    /// An envelope id is spent per recipient, whoever the sender was. The text lives in the log only.
    function send(bytes32 recipientMemberId, bytes32 envelopeId, bytes calldata ciphertext) external {
        bytes32 sender = MemberStorage.callerId();
        if (MemberStorage.layout().members[recipientMemberId].memberContract == address(0)) {
            revert RecipientNotMember();
        }
        mapping(bytes32 => bool) storage used = MessageStorage.layout().used[recipientMemberId];
        if (used[envelopeId]) revert DuplicateEnvelope();
        used[envelopeId] = true;
        emit MessageSent(sender, recipientMemberId, envelopeId, ciphertext);
    }
}
