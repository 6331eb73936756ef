/*  ClusterDiamondFactory.sol -- deploys whole clusters at predictable addresses  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {IERC2535DiamondCut} from "@solidstate/contracts/interfaces/IERC2535DiamondCut.sol";
import {IERC2535DiamondCutInternal} from "@solidstate/contracts/interfaces/IERC2535DiamondCutInternal.sol";

import {ClusterDiamond} from "./ClusterDiamond.sol";
import {DiamondInit} from "./DiamondInit.sol";
import {AttestFacet} from "./facets/AttestFacet.sol";
import {DstackFacet} from "./facets/DstackFacet.sol";
import {MessageFacet} from "./facets/MessageFacet.sol";
import {NetworkFacet} from "./facets/NetworkFacet.sol";
import {InitArgs} from "./Types.sol";

contract ClusterDiamondFactory is IERC2535DiamondCutInternal {
    address public immutable factoryOwner;
    address public immutable diamondInitImpl;
    address public immutable attestFacet;
    address public immutable messageFacet;
    address public immutable networkFacet;
    address public immutable dstackFacet;

    mapping(address account => bool) public deployedClusters;

    event ClusterDeployed(address indexed cluster, address indexed clusterOwner, bytes32 salt);

    constructor(
        address factoryOwner_,
        address diamondInitImpl_,
        address attestFacet_,
        address messageFacet_,
        address networkFacet_,
        address dstackFacet_
    ) {
        factoryOwner = factoryOwner_;
        diamondInitImpl = diamondInitImpl_;
        attestFacet = attestFacet_;
        messageFacet = messageFacet_;
        networkFacet = networkFacet_;
        dstackFacet = dstackFacet_;
    }

    /// Open to all. The policy owner is in force at once; the diamond-cut owner is only nominated
    /// and has to call acceptOwnership().
    function deployCluster(InitArgs calldata args, bytes32 salt) external returns (address cluster) {
        ClusterDiamond diamond =
            new ClusterDiamond{salt: salt}(_cuts(), diamondInitImpl, abi.encodeCall(DiamondInit.init, (args)));
        diamond.transferOwnership(args.clusterOwner);
        cluster = address(diamond);
        deployedClusters[cluster] = true;
        emit ClusterDeployed(cluster, args.clusterOwner, salt);
    }

    /// The address moves with every init argument, so a cluster's policy cannot be swapped under it.
    function predictClusterAddress(InitArgs calldata args, bytes32 salt) external view returns (address) {
        bytes32 initCodeHash = keccak256(
            abi.encodePacked(
                type(ClusterDiamond).creationCode,
                abi.encode(_cuts(), diamondInitImpl, abi.encodeCall(DiamondInit.init, (args)))
            )
        );
        return address(
            uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, initCodeHash))))
        );
    }

    function isDeployedCluster(address account) external view returns (bool) {
        return deployedClusters[account];
    }

    function _cuts() private view returns (FacetCut[] memory cuts) {
        cuts = new FacetCut[](4);
        cuts[0] = FacetCut(attestFacet, FacetCutAction.ADD, _attestSelectors());
        cuts[1] = FacetCut(messageFacet, FacetCutAction.ADD, _messageSelectors());
        cuts[2] = FacetCut(networkFacet, FacetCutAction.ADD, _networkSelectors());
        cuts[3] = FacetCut(dstackFacet, FacetCutAction.ADD, _dstackSelectors());
    }

    function _attestSelectors() private pure returns (bytes4[] memory s) {
        s = new bytes4[](19);
        s[0] = AttestFacet.isClusterMember.selector;
        s[1] = AttestFacet.memberIdOf.selector;
        s[2] = AttestFacet.memberOf.selector;
        s[3] = AttestFacet.memberById.selector;
        s[4] = AttestFacet.xPubKeyOf.selector;
        s[5] = AttestFacet.listMembers.selector;
        s[6] = AttestFacet.memberCount.selector;
        s[7] = AttestFacet.clusterOwner.selector;
        s[8] = AttestFacet.pendingClusterOwner.selector;
        s[9] = AttestFacet.meshCidr.selector;
        s[10] = AttestFacet.meshIpOf.selector;
        s[11] = AttestFacet.setCskCommitment.selector;
        s[12] = AttestFacet.cskCommitment.selector;
        s[13] = AttestFacet._addMember.selector;
        s[14] = AttestFacet._setWgMirror.selector;
        s[15] = AttestFacet.transferClusterOwnership.selector;
        s[16] = AttestFacet.acceptClusterOwnership.selector;
        s[17] = AttestFacet.transferBothOwners.selector;
        s[18] = AttestFacet.acceptBothOwners.selector;
    }

    function _messageSelectors() private pure returns (bytes4[] memory s) {
        s = new bytes4[](1);
        s[0] = MessageFacet.send.selector;
    }

    /// v1's factory cuts the first three; the Ed25519 pair came to running clusters by a later cut.
    function _networkSelectors() private pure returns (bytes4[] memory s) {
        s = new bytes4[](5);
        s[0] = NetworkFacet.publishWgKey.selector;
        s[1] = NetworkFacet._setWgPubKey.selector;
        s[2] = NetworkFacet.wgPubKeyOf.selector;
        s[3] = NetworkFacet.publishEd25519Key.selector;
        s[4] = NetworkFacet.ed25519KeyOf.selector;
    }

    function _dstackSelectors() private pure returns (bytes4[] memory s) {
        s = new bytes4[](19);
        s[0] = DstackFacet.addComposeHash.selector;
        s[1] = DstackFacet.removeComposeHash.selector;
        s[2] = DstackFacet.addDevice.selector;
        s[3] = DstackFacet.removeDevice.selector;
        s[4] = DstackFacet.setAllowAnyDevice.selector;
        s[5] = DstackFacet.setRequireTcbUpToDate.selector;
        s[6] = DstackFacet.allowedComposeHashes.selector;
        s[7] = DstackFacet.allowedDeviceIds.selector;
        s[8] = DstackFacet.allowAnyDevice.selector;
        s[9] = DstackFacet.requireTcbUpToDate.selector;
        s[10] = DstackFacet.version.selector;
        s[11] = DstackFacet.addAllowedKmsRoot.selector;
        s[12] = DstackFacet.removeAllowedKmsRoot.selector;
        s[13] = DstackFacet.allowedKmsRoots.selector;
        s[14] = DstackFacet.dstack_register.selector;
        s[15] = DstackFacet.isAppAllowed.selector;
        s[16] = DstackFacet.addAllowedAppId.selector;
        s[17] = DstackFacet.removeAllowedAppId.selector;
        s[18] = DstackFacet.allowedAppIds.selector;
    }
}
