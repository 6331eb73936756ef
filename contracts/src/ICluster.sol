/*  ICluster.sol -- the calls that cluster contracts make on each other  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {DstackProof, MemberRecord} from "./Types.sol";

/// The diamond, as its own facets and its members see it.
interface ICluster {
    function clusterOwner() external view returns (address);

    function dstack_register(DstackProof calldata proof, address memberContract, bytes32 xPubKey, bytes32 wgPubKey)
        external
        returns (bytes32 memberId);

    function _addMember(MemberRecord calldata record) external returns (bytes32 memberId);

    function _setWgMirror(bytes32 memberId, bytes32 wgPubKey) external;

    function _setWgPubKey(bytes32 memberId, bytes32 wgPubKey) external;
}

interface IMember {
    function __setOwnerFromCluster(address newOwner) external;
}

interface IMemberFactory {
    function isOurMember(address account) external view returns (bool);
}
