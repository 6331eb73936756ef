/*  DiamondInit.sol -- writes a new cluster's first state; runs inside the diamond's constructor  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {DstackStorage} from "./storage/DstackStorage.sol";
import {MemberStorage} from "./storage/MemberStorage.sol";
import {InitArgs} from "./Types.sol";

contract DiamondInit {
    /// Emits nothing, as v1 does: a reader takes the first policy from the getters.
    function init(InitArgs calldata args) external {
        MemberStorage.Layout storage m = MemberStorage.layout();
        m.clusterOwner = args.clusterOwner;
        m.meshCidrIp = args.meshCidrIp;
        m.meshCidrPrefix = args.meshCidrPrefix;
        m.memberFactory = args.memberFactory;

        DstackStorage.Layout storage d = DstackStorage.layout();
        d.kmsRoots[args.kmsRootSigner] = true;
        for (uint256 i = 0; i < args.initialComposeHashes.length; ++i) {
            d.composeHashes[args.initialComposeHashes[i]] = true;
        }
        for (uint256 i = 0; i < args.initialDeviceIds.length; ++i) {
            d.deviceIds[args.initialDeviceIds[i]] = true;
        }
        d.allowAnyDevice = args.allowAnyDevice;
        d.requireTcbUpToDate = args.requireTcbUpToDate;
    }
}
