/*  ClusterMember.sol -- one node on chain: its dstack app and its ERC-4337 account in one proxy  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {BootstrapCall} from "./BootstrapCall.sol";
import {DstackSigChain} from "./DstackSigChain.sol";
import {NotClusterOwner, OnlyCluster, OnlyEntryPoint, OwnerAlreadySet} from "./Errors.sol";
import {ICluster} from "./ICluster.sol";
import {AppBootInfo, PackedUserOperation} from "./Types.sol";

contract ClusterMember is Initializable, UUPSUpgradeable {
    /// EntryPoint v0.7; the same address on every chain.
    address public constant ENTRY_POINT = 0x0000000071727De22E5E9d8BAf0edAc6f37da032;

    uint256 private constant SIG_VALID = 0;
    uint256 private constant SIG_FAILED = 1;

    /// ERC-7201 id `attestmesh.storage.ClusterMember`: a stock dstack app's own storage lies below
    /// it untouched when its proxy is upgraded to this code.
    bytes32 private constant SLOT = 0xeaff3df3ee5169d005a03d5a55e3db27753713bb429f09c0a0f5b446a482f300;

    struct Layout {
        address cluster;
        address owner;
    }

    modifier onlyEntryPoint() {
        if (msg.sender != ENTRY_POINT) revert OnlyEntryPoint();
        _;
    }

    constructor() {
        _disableInitializers();
    }

    receive() external payable {}

    // ---- birth ----

    function initialize(address cluster_) external initializer {
        _layout().cluster = cluster_;
    }

    /// Path A. Open to all by itself: it has to ride in the upgradeToAndCall that brings this code.
    /// A member that has its cluster is refused, or anybody could bind a minted one to a cluster of
    /// his own and then upgrade it as that cluster's owner.
    function reinitializeFromDstackApp(address cluster_) external reinitializer(2) {
        if (_layout().cluster != address(0)) revert InvalidInitialization();
        _layout().cluster = cluster_;
    }

    /// The cluster hands over the derived key that registration proved.
    function __setOwnerFromCluster(address newOwner) external {
        Layout storage l = _layout();
        if (msg.sender != l.cluster) revert OnlyCluster();
        if (l.owner != address(0)) revert OwnerAlreadySet();
        l.owner = newOwner;
    }

    function cluster() external view returns (address) {
        return _layout().cluster;
    }

    /// The wallet's owner, zero until registration. Not the cluster's owner.
    function owner() external view returns (address) {
        return _layout().owner;
    }

    // ---- ERC-4337 account ----

    /// @return validationData 0 or 1; never a time range, never an aggregator
    function validateUserOp(PackedUserOperation calldata op, bytes32 userOpHash, uint256 missingAccountFunds)
        external
        onlyEntryPoint
        returns (uint256 validationData)
    {
        validationData = _validate(op, userOpHash);
        if (missingAccountFunds > 0) {
            // The EntryPoint checks its own deposit, so a failed payment is its to report.
            (bool paid,) = msg.sender.call{value: missingAccountFunds}("");
            (paid);
        }
    }

    function execute(address target, uint256 value, bytes calldata data) external onlyEntryPoint {
        (bool ok, bytes memory answer) = target.call{value: value}(data);
        if (!ok) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    function _validate(PackedUserOperation calldata op, bytes32 userOpHash) private view returns (uint256) {
        (address signer, ECDSA.RecoverError bad,) =
            ECDSA.tryRecoverCalldata(MessageHashUtils.toEthSignedMessageHash(userOpHash), op.signature);
        if (bad != ECDSA.RecoverError.NoError) return SIG_FAILED;

        Layout storage l = _layout();
        address expected = l.owner;
        if (expected == address(0)) expected = _bootstrapSigner(op.callData, l.cluster);
        return signer == expected ? SIG_VALID : SIG_FAILED;
    }

    /// Before registration there is no owner, so the only operation let through is the registration
    /// itself, and only from the key that it would make the owner.
    function _bootstrapSigner(bytes calldata callData, address cluster_) private view returns (address) {
        (bytes32 xPubKey, bytes32 wgPubKey, bytes calldata signature) =
            BootstrapCall.parse(callData, cluster_, address(this));
        return DstackSigChain.bindSigner(
            DstackSigChain.bindHash(cluster_, address(this), xPubKey, wgPubKey), signature
        );
    }

    // ---- dstack app: the KMS and dstack tooling call the app id, the cluster decides ----

    function isAppAllowed(AppBootInfo calldata) external view returns (bool, string memory) {
        _read();
    }

    function allowedComposeHashes(bytes32) external view returns (bool) {
        _read();
    }

    function allowedDeviceIds(bytes32) external view returns (bool) {
        _read();
    }

    function allowAnyDevice() external view returns (bool) {
        _read();
    }

    function requireTcbUpToDate() external view returns (bool) {
        _read();
    }

    function version() external view returns (uint256) {
        _read();
    }

    function addComposeHash(bytes32) external {
        _write();
    }

    function removeComposeHash(bytes32) external {
        _write();
    }

    function addDevice(bytes32) external {
        _write();
    }

    function removeDevice(bytes32) external {
        _write();
    }

    function setAllowAnyDevice(bool) external {
        _write();
    }

    function setRequireTcbUpToDate(bool) external {
        _write();
    }

    /// The answer leaves this contract word for word, so the declared types are the cluster's.
    function _read() private view {
        (bool ok, bytes memory answer) = _layout().cluster.staticcall(msg.data);
        _leaveWith(ok, answer);
    }

    function _write() private {
        (bool ok, bytes memory answer) = _layout().cluster.call(msg.data);
        _leaveWith(ok, answer);
    }

    function _leaveWith(bool ok, bytes memory answer) private pure {
        assembly {
            if iszero(ok) { revert(add(answer, 32), mload(answer)) }
            return(add(answer, 32), mload(answer))
        }
    }

    // ---- upgrades ----

    function _authorizeUpgrade(address) internal view override {
        if (msg.sender != ICluster(_layout().cluster).clusterOwner()) revert NotClusterOwner();
    }

    function _layout() private pure returns (Layout storage l) {
        assembly {
            l.slot := SLOT
        }
    }
}
