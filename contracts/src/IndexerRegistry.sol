/*  IndexerRegistry.sol -- where the shared indexer is reached and which key signs for it  */
// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.24;

import {NotOwner} from "./Errors.sol";
import {IndexerRecord} from "./Types.sol";

contract IndexerRegistry {
    address public immutable owner;

    IndexerRecord public current;

    event IndexerUpdated(IndexerRecord record);

    constructor(address owner_) {
        owner = owner_;
    }

    /// The time is the chain's, whatever the caller wrote.
    function setIndexer(IndexerRecord calldata record) external {
        if (msg.sender != owner) revert NotOwner();
        current = record;
        current.updatedAt = uint64(block.timestamp);
        emit IndexerUpdated(current);
    }
}
