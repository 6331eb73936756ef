/*  ClusterDiamond.sol -- one cluster: a SolidState diamond that is cut and initialised at birth  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {SolidStateDiamond} from "@solidstate/contracts/proxy/diamond/SolidStateDiamond.sol";

contract ClusterDiamond is SolidStateDiamond {
    /// @param cuts the facets
    /// @param diamondInit delegatecalled with `initData`, so that a cluster never exists half set up
    constructor(FacetCut[] memory cuts, address diamondInit, bytes memory initData) {
        _diamondCut(cuts, diamondInit, initData);
    }
}
