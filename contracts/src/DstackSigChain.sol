/*  DstackSigChain.sol -- from a dstack KMS root down to the key that signs for a member  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {InvalidPubKeyLength, InvalidSigChain, PointNotOnCurve} from "./Errors.sol";
import {DstackProof} from "./Types.sol";

/// Three links (protocol page, section 2.4): the KMS root signs the app key for an app id, the app
/// key signs the derived key for a purpose, the derived key signs the binding message.
library DstackSigChain {
    /// secp256k1's field prime.
    uint256 private constant P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
    /// (P + 1) / 4: P is 3 mod 4, so this power is a square root where one exists.
    uint256 private constant ROOT_EXPONENT = 0x3FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFBFFFFF0C;

    /// What the derived key signs: it ties both public keys to one member of one cluster.
    function bindHash(address cluster, address memberContract, bytes32 xPubKey, bytes32 wgPubKey)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("attestmesh.bind.v1", cluster, memberContract, xPubKey, wgPubKey));
    }

    /// Who signed the binding message: EIP-191 over the 32 bytes, not the bare hash.
    function bindSigner(bytes32 messageHash, bytes calldata signature) internal pure returns (address) {
        return ECDSA.recoverCalldata(MessageHashUtils.toEthSignedMessageHash(messageHash), signature);
    }

    /// @param roots the KMS roots that the cluster trusts
    /// @return derivedKey the address of the derived key, proven to hang below one of `roots`
    function verify(DstackProof calldata proof, mapping(address => bool) storage roots)
        internal
        view
        returns (address derivedKey)
    {
        if (uint96(uint256(proof.codeId)) != 0) revert InvalidSigChain();

        address appKey = ECDSA.recoverCalldata(appDigest(proof.purpose, proof.derivedCompressedPubkey), proof.appSignature);
        address root = ECDSA.recoverCalldata(kmsDigest(proof.codeId, proof.appCompressedPubkey), proof.kmsSignature);
        if (!roots[root]) revert InvalidSigChain();

        derivedKey = addressOf(proof.derivedCompressedPubkey);
        if (bindSigner(proof.messageHash, proof.messageSignature) != derivedKey) revert InvalidSigChain();
        if (addressOf(proof.appCompressedPubkey) != appKey) revert InvalidSigChain();
    }

    function appDigest(string calldata purpose, bytes calldata derivedPubkey) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(purpose, ":", lowerHex(derivedPubkey)));
    }

    function kmsDigest(bytes32 codeId, bytes calldata appPubkey) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("dstack-kms-issued:", bytes20(codeId), appPubkey));
    }

    /// The address of a secp256k1 key in any of its three lengths: 33 (compressed), 64 (x, y), 65.
    /// Of the first byte only the parity of a compressed key is looked at, as v1 does.
    function addressOf(bytes calldata key) internal view returns (address) {
        uint256 x;
        uint256 y;
        if (key.length == 33) {
            x = uint256(bytes32(key[1:33]));
            y = _yOf(x, uint8(key[0]) & 1);
        } else if (key.length == 64 || key.length == 65) {
            uint256 at = key.length - 64;
            x = uint256(bytes32(key[at:at + 32]));
            y = uint256(bytes32(key[at + 32:at + 64]));
            if (x >= P || y >= P || mulmod(y, y, P) != _cubic(x)) revert PointNotOnCurve();
        } else {
            revert InvalidPubKeyLength();
        }
        return address(uint160(uint256(keccak256(abi.encodePacked(x, y)))));
    }

    /// Without 0x, because the KMS signs the text that way.
    function lowerHex(bytes calldata data) internal pure returns (bytes memory text) {
        bytes16 digits = "0123456789abcdef";
        text = new bytes(2 * data.length);
        for (uint256 i = 0; i < data.length; ++i) {
            text[2 * i] = digits[uint8(data[i]) >> 4];
            text[2 * i + 1] = digits[uint8(data[i]) & 15];
        }
    }

    function _yOf(uint256 x, uint8 parity) private view returns (uint256 y) {
        if (x >= P) revert PointNotOnCurve();
        uint256 square = _cubic(x);
        y = Math.modExp(square, ROOT_EXPONENT, P);
        if (mulmod(y, y, P) != square) revert PointNotOnCurve();
        if (y & 1 != parity) y = P - y;
    }

    function _cubic(uint256 x) private pure returns (uint256) {
        return addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
    }
}
