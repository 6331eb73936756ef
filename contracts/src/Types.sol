/*  Types.sol -- the tuples of the cluster's interface, in v1's field order  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

// Canonical types and field order: protocol page, section 1.1. The order is the ABI.

struct MemberRecord {
    bytes32 attestorId;
    address memberContract;
    bytes32 xPubKey;
    bytes32 wgPubKey;
    uint64 registeredAt;
}

struct DstackProof {
    bytes32 codeId;
    bytes32 messageHash;
    bytes messageSignature;
    bytes appSignature;
    bytes kmsSignature;
    bytes derivedCompressedPubkey;
    bytes appCompressedPubkey;
    string purpose;
}

/// What a dstack KMS knows of a VM when it asks an app contract for permission to boot it.
struct AppBootInfo {
    address appId;
    bytes32 composeHash;
    address instanceId;
    bytes32 deviceId;
    bytes32 mrAggregated;
    bytes32 mrSystem;
    bytes32 osImageHash;
    string tcbStatus;
    string[] advisories;
}

struct InitArgs {
    address clusterOwner;
    address kmsRootSigner;
    bytes32[] initialComposeHashes;
    bytes32[] initialDeviceIds;
    bool allowAnyDevice;
    bool requireTcbUpToDate;
    uint32 meshCidrIp;
    uint8 meshCidrPrefix;
    address memberFactory;
}

struct IndexerRecord {
    string endpoint;
    bytes32 codeId;
    bytes32 pubKey;
    uint64 updatedAt;
}

/// ERC-4337 v0.7. Declared here because the package's own interface file carries another licence.
struct PackedUserOperation {
    address sender;
    uint256 nonce;
    bytes initCode;
    bytes callData;
    bytes32 accountGasLimits;
    uint256 preVerificationGas;
    bytes32 gasFees;
    bytes paymasterAndData;
    bytes signature;
}
