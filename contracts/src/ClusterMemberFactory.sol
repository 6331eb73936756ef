/*  ClusterMemberFactory.sol -- mints member proxies at predictable addresses  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

import {ClusterMember} from "./ClusterMember.sol";

contract ClusterMemberFactory {
    /// The ClusterMember code behind every proxy at birth.
    address public immutable implementation;
    address public immutable factoryOwner;

    mapping(address account => bool) public deployedMembers;

    event MemberDeployed(address indexed member, address indexed cluster, bytes32 salt);

    constructor(address implementation_, address factoryOwner_) {
        implementation = implementation_;
        factoryOwner = factoryOwner_;
    }

    /// Open to all: a member is worth nothing until a cluster registers it.
    /// @param salt used as it is; the same (cluster, salt) a second time reverts
    function deployMember(address cluster, bytes32 salt) external returns (address member) {
        member = address(new ERC1967Proxy{salt: salt}(implementation, _initData(cluster)));
        deployedMembers[member] = true;
        emit MemberDeployed(member, cluster, salt);
    }

    function predictMemberAddress(address cluster, bytes32 salt) external view returns (address) {
        bytes32 initCodeHash = keccak256(
            abi.encodePacked(type(ERC1967Proxy).creationCode, abi.encode(implementation, _initData(cluster)))
        );
        return address(
            uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, initCodeHash))))
        );
    }

    function isOurMember(address account) external view returns (bool) {
        return deployedMembers[account];
    }

    function _initData(address cluster) private pure returns (bytes memory) {
        return abi.encodeCall(ClusterMember.initialize, (cluster));
    }
}
