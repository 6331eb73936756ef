/*  DstackFacet.sol -- registration by a dstack KMS proof, the boot gate and its allow-lists  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {DstackSigChain} from "../DstackSigChain.sol";
import {BindingMismatch, CodeIdMismatch, NotOurMember} from "../Errors.sol";
import {ICluster, IMember, IMemberFactory} from "../ICluster.sol";
import {DstackStorage} from "../storage/DstackStorage.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {RemovalStorage} from "../storage/RemovalStorage.sol";
import {AppBootInfo, DstackProof, MemberRecord} from "../Types.sol";

contract DstackFacet {
    bytes32 public constant DSTACK_ATTESTOR_ID = keccak256("attestmesh.attestor.dstack");

    event ComposeHashAdded(bytes32 indexed composeHash);
    event ComposeHashRemoved(bytes32 indexed composeHash);
    event DeviceAdded(bytes32 indexed deviceId);
    event DeviceRemoved(bytes32 indexed deviceId);
    event AllowAnyDeviceSet(bool allowed);
    event RequireTcbUpToDateSet(bool required);
    event KmsRootAdded(address indexed kmsRoot);
    event KmsRootRemoved(address indexed kmsRoot);
    event AppIdAllowed(address indexed appId);
    event AppIdDisallowed(address indexed appId);
    event DstackMemberRegistered(bytes32 indexed memberId, bytes32 codeId, address derivedKey);

    modifier onlyClusterOwner() {
        MemberStorage.requireClusterOwner();
        _;
    }

    // ---- registration ----

    /// Anyone may carry the proof: what it binds is the member contract, not the caller.
    /// @param proof the KMS signature chain over this cluster, the member and both public keys
    /// @param memberContract minted by the cluster's member factory, or an allowed app id
    /// @return memberId keccak256(cluster, memberContract, attestor)
    function dstack_register(DstackProof calldata proof, address memberContract, bytes32 xPubKey, bytes32 wgPubKey)
        external
        returns (bytes32 memberId)
    {
        if (
            !IMemberFactory(MemberStorage.layout().memberFactory).isOurMember(memberContract)
                && !DstackStorage.layout().allowedAppIds[memberContract]
        ) revert NotOurMember();
        if (proof.codeId != bytes32(bytes20(memberContract))) revert CodeIdMismatch();
        if (proof.messageHash != DstackSigChain.bindHash(address(this), memberContract, xPubKey, wgPubKey)) {
            revert BindingMismatch();
        }
        address derivedKey = DstackSigChain.verify(proof, DstackStorage.layout().kmsRoots);

        memberId = ICluster(address(this))._addMember(
            MemberRecord({
                attestorId: DSTACK_ATTESTOR_ID,
                memberContract: memberContract,
                xPubKey: xPubKey,
                wgPubKey: wgPubKey,
                registeredAt: uint64(block.timestamp)
            })
        );
        ICluster(address(this))._setWgPubKey(memberId, wgPubKey);
        IMember(memberContract).__setOwnerFromCluster(derivedKey);
        emit DstackMemberRegistered(memberId, proof.codeId, derivedKey);
    }

    // ---- boot gate ----

    /// The dstack KMS asks this before it hands keys to a VM. The first rule that fails names itself.
    function isAppAllowed(AppBootInfo calldata info) external view returns (bool, string memory) {
        DstackStorage.Layout storage l = DstackStorage.layout();
        if (!l.composeHashes[info.composeHash]) return (false, "compose hash not allowed");
        if (!l.allowAnyDevice && !l.deviceIds[info.deviceId]) return (false, "device not allowed");
        // The owner's list comes first in time: before registration nobody is a member.
        bytes32 id = MemberStorage.layout().memberIdOf[info.appId];
        if (id == 0 ? !l.allowedAppIds[info.appId] : RemovalStorage.isRemoved(id)) {
            return (false, "appId not allowlisted");
        }
        if (l.requireTcbUpToDate && keccak256(bytes(info.tcbStatus)) != keccak256("UpToDate")) {
            return (false, "tcb not up to date");
        }
        return (true, "");
    }

    // ---- allow-lists: every call emits, changed or not ----

    function addComposeHash(bytes32 composeHash) external onlyClusterOwner {
        DstackStorage.layout().composeHashes[composeHash] = true;
        emit ComposeHashAdded(composeHash);
    }

    function removeComposeHash(bytes32 composeHash) external onlyClusterOwner {
        DstackStorage.layout().composeHashes[composeHash] = false;
        emit ComposeHashRemoved(composeHash);
    }

    function addDevice(bytes32 deviceId) external onlyClusterOwner {
        DstackStorage.layout().deviceIds[deviceId] = true;
        emit DeviceAdded(deviceId);
    }

    function removeDevice(bytes32 deviceId) external onlyClusterOwner {
        DstackStorage.layout().deviceIds[deviceId] = false;
        emit DeviceRemoved(deviceId);
    }

    function setAllowAnyDevice(bool allowed) external onlyClusterOwner {
        DstackStorage.layout().allowAnyDevice = allowed;
        emit AllowAnyDeviceSet(allowed);
    }

    function setRequireTcbUpToDate(bool required) external onlyClusterOwner {
        DstackStorage.layout().requireTcbUpToDate = required;
        emit RequireTcbUpToDateSet(required);
    }

    function addAllowedKmsRoot(address kmsRoot) external onlyClusterOwner {
        DstackStorage.layout().kmsRoots[kmsRoot] = true;
        emit KmsRootAdded(kmsRoot);
    }

    function removeAllowedKmsRoot(address kmsRoot) external onlyClusterOwner {
        DstackStorage.layout().kmsRoots[kmsRoot] = false;
        emit KmsRootRemoved(kmsRoot);
    }

    function addAllowedAppId(address appId) external onlyClusterOwner {
        DstackStorage.layout().allowedAppIds[appId] = true;
        emit AppIdAllowed(appId);
    }

    function removeAllowedAppId(address appId) external onlyClusterOwner {
        DstackStorage.layout().allowedAppIds[appId] = false;
        emit AppIdDisallowed(appId);
    }

    // ---- reading ----

    function allowedComposeHashes(bytes32 composeHash) external view returns (bool) {
        return DstackStorage.layout().composeHashes[composeHash];
    }

    function allowedDeviceIds(bytes32 deviceId) external view returns (bool) {
        return DstackStorage.layout().deviceIds[deviceId];
    }

    function allowAnyDevice() external view returns (bool) {
        return DstackStorage.layout().allowAnyDevice;
    }

    function requireTcbUpToDate() external view returns (bool) {
        return DstackStorage.layout().requireTcbUpToDate;
    }

    function allowedKmsRoots(address kmsRoot) external view returns (bool) {
        return DstackStorage.layout().kmsRoots[kmsRoot];
    }

    function allowedAppIds(address appId) external view returns (bool) {
        return DstackStorage.layout().allowedAppIds[appId];
    }

    /// Of the allow-list interface, for dstack tooling.
    function version() external pure returns (uint256) {
        return 1;
    }

    /// The policy owner. Not cut: on the diamond this selector is SolidState's.
    function owner() external view returns (address) {
        return MemberStorage.layout().clusterOwner;
    }
}
