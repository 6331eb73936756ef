/*  StockDstackApp.sol -- a devnet double of the app proxy that dstack itself deploys (Path A)  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

import {NotOwner} from "../Errors.sol";
import {AppBootInfo} from "../Types.sol";

/// What Path A needs of the real one: a UUPS proxy at initializer version 1, upgraded by its own
/// deployer, with a boot gate of its own and state in the first slots.
contract StockDstackApp is Initializable, UUPSUpgradeable {
    address public owner;
    bool public allowAnyDevice;
    mapping(bytes32 composeHash => bool) public allowedComposeHashes;

    constructor() {
        _disableInitializers();
    }

    function initialize(address owner_, bytes32 composeHash) external initializer {
        owner = owner_;
        allowAnyDevice = true;
        allowedComposeHashes[composeHash] = true;
    }

    function isAppAllowed(AppBootInfo calldata info) external view returns (bool, string memory) {
        if (!allowedComposeHashes[info.composeHash]) return (false, "Compose hash not allowed");
        return (true, "");
    }

    function version() external pure returns (uint256) {
        return 2;
    }

    function _authorizeUpgrade(address) internal view override {
        if (msg.sender != owner) revert NotOwner();
    }
}
