/*  Errors.sol -- every custom error that the cluster's own contracts raise  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

// Registration.
error NotOurMember();
error AlreadyRegistered();
error CodeIdMismatch();
error BindingMismatch();

// Membership and ownership.
error NotClusterMember();
error NotClusterOwner();
error NotInternalCall();
error NotOriginator();
error CskCommitmentAlreadySet();
error MemberUnknown();
error MemberAlreadyRemoved();

// Messages.
error DuplicateEnvelope();
error RecipientNotMember();

// The member account.
error OnlyEntryPoint();
error OnlyCluster();
error OwnerAlreadySet();
error InvalidBootstrapCall();

// The dstack signature chain.
error InvalidPubKeyLength();
error PointNotOnCurve();
error InvalidSigChain();

// The indexer registry.
error NotOwner();
