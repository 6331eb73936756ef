/*  NetworkFacet.sol -- WireGuard and Ed25519 public keys of the members  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {ICluster} from "../ICluster.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {NetworkStorage} from "../storage/NetworkStorage.sol";

contract NetworkFacet {
    event WgKeyPublished(bytes32 indexed memberId, bytes32 wgPubKey);
    event Ed25519KeyPublished(bytes32 indexed memberId, bytes32 ed25519Key);

    function publishWgKey(bytes32 wgPubKey) external {
        _storeWgKey(MemberStorage.callerId(), wgPubKey);
    }

    /// Registration's way in: the member itself has not called yet.
    function _setWgPubKey(bytes32 memberId, bytes32 wgPubKey) external {
        MemberStorage.requireSelf();
        _storeWgKey(memberId, wgPubKey);
    }

    function wgPubKeyOf(bytes32 memberId) external view returns (bytes32) {
        return NetworkStorage.layout().wgPubKeys[memberId];
    }

    /// Overwrites without a question: a rebuilt node may carry a new heartbeat key.
    function publishEd25519Key(bytes32 ed25519Key) external {
        bytes32 memberId = MemberStorage.callerId();
        NetworkStorage.layout().ed25519Keys[memberId] = ed25519Key;
        emit Ed25519KeyPublished(memberId, ed25519Key);
    }

    function ed25519KeyOf(bytes32 memberId) external view returns (bytes32) {
        return NetworkStorage.layout().ed25519Keys[memberId];
    }

    function _storeWgKey(bytes32 memberId, bytes32 wgPubKey) private {
        NetworkStorage.layout().wgPubKeys[memberId] = wgPubKey;
        ICluster(address(this))._setWgMirror(memberId, wgPubKey);
        emit WgKeyPublished(memberId, wgPubKey);
    }
}
