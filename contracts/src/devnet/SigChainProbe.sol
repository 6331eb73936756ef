/*  SigChainProbe.sol -- lets tests call the signature chain without a cluster around it  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {DstackSigChain} from "../DstackSigChain.sol";
import {DstackProof} from "../Types.sol";

contract SigChainProbe {
    mapping(address kmsRoot => bool) private _roots;

    constructor(address root) {
        _roots[root] = true;
    }

    function verify(DstackProof calldata proof) external view returns (address derivedKey) {
        return DstackSigChain.verify(proof, _roots);
    }

    function addressOf(bytes calldata key) external view returns (address) {
        return DstackSigChain.addressOf(key);
    }

    function bindHash(address cluster, address memberContract, bytes32 xPubKey, bytes32 wgPubKey)
        external
        pure
        returns (bytes32)
    {
        return DstackSigChain.bindHash(cluster, memberContract, xPubKey, wgPubKey);
    }
}
