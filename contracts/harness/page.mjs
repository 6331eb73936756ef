/*  page.mjs -- the interface as v1's protocol page states it, and what this release adds to it: the
 *  numbers that tests hold us to  */
// SPDX-License-Identifier: Apache-2.0
//
// Nothing here is computed from our sources; a test that compares with it can fail.

export const ENTRY_POINT = '0x0000000071727De22E5E9d8BAf0edAc6f37da032'
export const DSTACK_ATTESTOR = '0x49312ee10ef6f441b43bb7d7d5893eda9cf6b9d9a6833ff8dc18ebea3b6a99b1'

const RECORD = '(bytes32,address,bytes32,bytes32,uint64)'
const PROOF = '(bytes32,bytes32,bytes,bytes,bytes,bytes,bytes,string)'
const BOOT = '(address,bytes32,address,bytes32,bytes32,bytes32,bytes32,string,string[])'
const INIT = '(address,address,bytes32[],bytes32[],bool,bool,uint32,uint8,address)'
const CUTS = '(address,uint8,bytes4[])[]'
const OP = '(address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)'

/** What the diamond serves, facet by facet, in the order of the cut: [selector, signature, returns]. */
export const CUT = {
  AttestFacet: [
    ['0x7f989b8d', 'isClusterMember(address)', 'bool'],
    ['0x63a30b72', 'memberIdOf(address)', 'bytes32'],
    ['0x3b4c9891', 'memberOf(address)', RECORD],
    ['0x87dc7ae5', 'memberById(bytes32)', RECORD],
    ['0x7918228d', 'xPubKeyOf(bytes32)', 'bytes32'],
    ['0xb6afd2ca', 'listMembers()', 'bytes32[]'],
    ['0x11aee380', 'memberCount()', 'uint256'],
    ['0x08c75c4f', 'clusterOwner()', 'address'],
    ['0x0441484e', 'pendingClusterOwner()', 'address'],
    ['0x9068639e', 'meshCidr()', 'uint32,uint8'],
    ['0xbb671732', 'meshIpOf(bytes32)', 'uint32'],
    ['0x3eeb8ee8', 'setCskCommitment(bytes32)', ''],
    ['0x38c640e9', 'cskCommitment()', 'bytes32'],
    ['0xd604bed7', `_addMember(${RECORD})`, 'bytes32'],
    ['0x35901459', '_setWgMirror(bytes32,bytes32)', ''],
    ['0x8af487aa', 'transferClusterOwnership(address)', ''],
    ['0x319b215c', 'acceptClusterOwnership()', ''],
    ['0xd9c8dbfe', 'transferBothOwners(address)', ''],
    ['0x29ca97eb', 'acceptBothOwners()', ''],
  ],
  MessageFacet: [['0x84076765', 'send(bytes32,bytes32,bytes)', '']],
  NetworkFacet: [
    ['0x4979ff72', 'publishWgKey(bytes32)', ''],
    ['0x06815bc9', '_setWgPubKey(bytes32,bytes32)', ''],
    ['0x4fda654e', 'wgPubKeyOf(bytes32)', 'bytes32'],
    ['0xcedc29c2', 'publishEd25519Key(bytes32)', ''],
    ['0x14342a70', 'ed25519KeyOf(bytes32)', 'bytes32'],
  ],
  DstackFacet: [
    ['0xdfc77223', 'addComposeHash(bytes32)', ''],
    ['0x67b3f22c', 'removeComposeHash(bytes32)', ''],
    ['0x2a819728', 'addDevice(bytes32)', ''],
    ['0x1d266200', 'removeDevice(bytes32)', ''],
    ['0x7c4beeb8', 'setAllowAnyDevice(bool)', ''],
    ['0x6e4c7422', 'setRequireTcbUpToDate(bool)', ''],
    ['0x2f6622e5', 'allowedComposeHashes(bytes32)', 'bool'],
    ['0xbf8b211b', 'allowedDeviceIds(bytes32)', 'bool'],
    ['0x3440a16a', 'allowAnyDevice()', 'bool'],
    ['0x0aa58c83', 'requireTcbUpToDate()', 'bool'],
    ['0x54fd4d50', 'version()', 'uint256'],
    ['0x2514ce2d', 'addAllowedKmsRoot(address)', ''],
    ['0x7e02756a', 'removeAllowedKmsRoot(address)', ''],
    ['0x12c604da', 'allowedKmsRoots(address)', 'bool'],
    ['0x537d491c', `dstack_register(${PROOF},address,bytes32,bytes32)`, 'bytes32'],
    ['0x1e079198', `isAppAllowed(${BOOT})`, 'bool,string'],
    ['0x64e985f8', 'addAllowedAppId(address)', ''],
    ['0x4bc7cbb7', 'removeAllowedAppId(address)', ''],
    ['0x875f31fb', 'allowedAppIds(address)', 'bool'],
  ],
}

/** Served by the diamond itself. */
export const DIAMOND = [
  ['0x1f931c1c', `diamondCut(${CUTS},address,bytes)`, ''],
  ['0x7a0ed627', 'facets()', '(address,bytes4[])[]'],
  ['0xadfca15e', 'facetFunctionSelectors(address)', 'bytes4[]'],
  ['0x52ef6b2c', 'facetAddresses()', 'address[]'],
  ['0xcdffacc6', 'facetAddress(bytes4)', 'address'],
  ['0x01ffc9a7', 'supportsInterface(bytes4)', 'bool'],
  ['0x8da5cb5b', 'owner()', 'address'],
  ['0x8ab5150a', 'nomineeOwner()', 'address'],
  ['0xf2fde38b', 'transferOwnership(address)', ''],
  ['0x79ba5097', 'acceptOwnership()', ''],
  ['0x2c408059', 'getFallbackAddress()', 'address'],
  ['0x91423765', 'setFallbackAddress(address)', ''],
]

/** Implemented by a facet, but not cut into the diamond. */
export const UNCUT = {
  MessageFacet: [['0xf21d2d40', 'sendOwnerCommand(bytes32,bytes32,bytes)', '']],
  AttestFacet: [['0x4fda654e', 'wgPubKeyOf(bytes32)', 'bytes32']],
  DstackFacet: [
    ['0xb2585db7', 'DSTACK_ATTESTOR_ID()', 'bytes32'],
    ['0x8da5cb5b', 'owner()', 'address'],
  ],
}

const ofDstack = (...names) => CUT.DstackFacet.filter(([, signature]) => names.includes(signature.split('(')[0]))

/** The other contracts, each with all that it has. */
export const CONTRACTS = {
  ClusterMember: [
    ['0xc4d66de8', 'initialize(address)', ''],
    ['0x319e8561', 'reinitializeFromDstackApp(address)', ''],
    ['0xdbd01de1', 'cluster()', 'address'],
    ['0x8da5cb5b', 'owner()', 'address'],
    ['0x19822f7c', `validateUserOp(${OP},bytes32,uint256)`, 'uint256'],
    ['0xb61d27f6', 'execute(address,uint256,bytes)', ''],
    ['0xd3346d6e', '__setOwnerFromCluster(address)', ''],
    ['0x94430fa5', 'ENTRY_POINT()', 'address'],
    ['0x4f1ef286', 'upgradeToAndCall(address,bytes)', ''],
    ['0x52d1902d', 'proxiableUUID()', 'bytes32'],
    ['0xad3cb1cc', 'UPGRADE_INTERFACE_VERSION()', 'string'],
    ...ofDstack(
      'isAppAllowed', 'addComposeHash', 'removeComposeHash', 'addDevice', 'removeDevice', 'setAllowAnyDevice',
      'setRequireTcbUpToDate', 'allowedComposeHashes', 'allowedDeviceIds', 'allowAnyDevice', 'requireTcbUpToDate',
      'version',
    ),
  ],
  ClusterMemberFactory: [
    ['0xc83ad2fc', 'deployMember(address,bytes32)', 'address'],
    ['0x7886a3e1', 'predictMemberAddress(address,bytes32)', 'address'],
    ['0xd5455541', 'isOurMember(address)', 'bool'],
    ['0xc59749eb', 'deployedMembers(address)', 'bool'],
    ['0x5c60da1b', 'implementation()', 'address'],
    ['0x4273601c', 'factoryOwner()', 'address'],
  ],
  ClusterDiamondFactory: [
    ['0xc68a48f9', `deployCluster(${INIT},bytes32)`, 'address'],
    ['0xf15cd782', `predictClusterAddress(${INIT},bytes32)`, 'address'],
    ['0x80c872ae', 'isDeployedCluster(address)', 'bool'],
    ['0xadb6d6ff', 'deployedClusters(address)', 'bool'],
    ['0x4273601c', 'factoryOwner()', 'address'],
    ['0x9f960f1f', 'diamondInitImpl()', 'address'],
    ['0xc86d1ac6', 'attestFacet()', 'address'],
    ['0xc766a841', 'messageFacet()', 'address'],
    ['0xffaf1bd1', 'networkFacet()', 'address'],
    ['0x0080f866', 'dstackFacet()', 'address'],
  ],
  /** This release's own: not on v1's page. */
  RemovalFacet: [
    ['0xb9c2c6fb', 'removeMember(bytes32)', ''],
    ['0xc09e4eaf', 'removedAt(bytes32)', 'uint64'],
    ['0x1d47259c', 'removedMembers()', 'bytes32[]'],
  ],
  DiamondInit: [['0x4d9d7ff9', `init(${INIT})`, '']],
  IndexerRegistry: [
    ['0x8da5cb5b', 'owner()', 'address'],
    ['0x9fa6a6e3', 'current()', 'string,bytes32,bytes32,uint64'],
    ['0x4069fca6', 'setIndexer((string,bytes32,bytes32,uint64))', ''],
  ],
}

/** Event -> [topic0, signature, how many of the first arguments are indexed, who emits it]. */
export const EVENTS = {
  MemberRegistered: ['0x037e8a34abcb145eb3b9d4e5a283866981a1fc2f024495dd30af21164b64c79a', 'bytes32,address,bytes32,bytes32,bytes32', 3, 'AttestFacet'],
  CskCommitmentSet: ['0x5ae5f71d9e9a2027688890c41960e80a098dd5b7d2e882c106dff083d0443ebd', 'bytes32', 0, 'AttestFacet'],
  ClusterOwnershipTransferProposed: ['0x5fe52e848c11114da6983d1ef0890cad3fd825a35b210d30d11f8df85e38a067', 'address', 1, 'AttestFacet'],
  ClusterOwnershipTransferAccepted: ['0xe9a1a2c36decceb1ce50b5022e4f75dbc0b392ba734edaff42f1e4721146f2c3', 'address', 1, 'AttestFacet'],
  BothOwnersTransferProposed: ['0x6dd321cf28074c96583908b138a3c883eee61fa2aeb8d64b5726c09fe42efd40', 'address', 1, 'AttestFacet'],
  BothOwnersTransferAccepted: ['0x43f7b98ce5212dc509e396052adafd75a6d53d980fcad9bad0716d3430c1aaa5', 'address', 1, 'AttestFacet'],
  MessageSent: ['0x455bf7bbe8b6e86980c68722b57cae187402777230203fbee290f1579109bc79', 'bytes32,bytes32,bytes32,bytes', 3, 'MessageFacet'],
  WgKeyPublished: ['0x008fead175db17654f93345cf32be6a56e5c8caf4253de47250d314461abb414', 'bytes32,bytes32', 1, 'NetworkFacet'],
  Ed25519KeyPublished: ['0x151cfd3d05a5897df01d90b4460ce364c4745342130c3eb505322b28985dce87', 'bytes32,bytes32', 1, 'NetworkFacet'],
  ComposeHashAdded: ['0xfecb34306dd9d8b785b54d65489d06afc8822a0893ddacedff40c50a4942d0af', 'bytes32', 1, 'DstackFacet'],
  ComposeHashRemoved: ['0x755b79bd4b0eeab344d032284a99003b2ddc018b646752ac72d681593a6e8947', 'bytes32', 1, 'DstackFacet'],
  DeviceAdded: ['0x67fc71ab96fe3fa3c6f78e9a00e635d591b7333ce611c0380bc577aac702243b', 'bytes32', 1, 'DstackFacet'],
  DeviceRemoved: ['0xe0862975ac517b0478d308012afabc4bc37c23874a18144d7f2dfb852ff95c2c', 'bytes32', 1, 'DstackFacet'],
  AllowAnyDeviceSet: ['0xbb2cdb6c7b362202d40373f87bc4788301cca658f91711ac1662e1ad2cba4a20', 'bool', 0, 'DstackFacet'],
  RequireTcbUpToDateSet: ['0xafae60561b2481a349b45b3a47357f70eef6ae67e5b6e1749d74de7f19a25aa1', 'bool', 0, 'DstackFacet'],
  KmsRootAdded: ['0x585e8a3ab07986be1f7e3a3c9681819f53ad36480f4cad0406a5f56e59a06b68', 'address', 1, 'DstackFacet'],
  KmsRootRemoved: ['0x9b93bd469da5933605a62ef2c8d68363c7fdb759762408fd4d7e0eba7df5be90', 'address', 1, 'DstackFacet'],
  AppIdAllowed: ['0xa7dac7d2dea741f29c49ae95cfcea09c2626f8dd26abee710e37a579833f595e', 'address', 1, 'DstackFacet'],
  AppIdDisallowed: ['0x18ad2f4da720ebb885b23cee675aa1293808d1fac7e579eac8d5a5298dd2397e', 'address', 1, 'DstackFacet'],
  DstackMemberRegistered: ['0x1d8da47219669fed7200ac661489440cbf2d25cfd61f1c58e0a40f73e13efec5', 'bytes32,bytes32,address', 1, 'DstackFacet'],
  MemberRemoved: ['0xdcfb2aae1ca16b920c65de688ae899d87bd6971ae75d8c53c743f24c24874939', 'bytes32,address,uint64', 2, 'RemovalFacet'],
  MemberDeployed: ['0x594c25a39d1d68108275109a656839390493bb960f448c5996019045e34babfb', 'address,address,bytes32', 2, 'ClusterMemberFactory'],
  ClusterDeployed: ['0x48dc8dab67749a8c7da96c90843d5db72d2f30334a2f383d32844c69e5e505ff', 'address,address,bytes32', 2, 'ClusterDiamondFactory'],
  IndexerUpdated: ['0x48e00ce83290e90eb3b8e783aac59410cf62dbb97910b437a306c15b98fe7efb', '(string,bytes32,bytes32,uint64)', 0, 'IndexerRegistry'],
  Initialized: ['0xc7f505b2f371ae2175ee4913f4499e1f2633a7b5936321eed1cdaeb6115181d2', 'uint64', 0, 'ClusterMember'],
  Upgraded: ['0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b', 'address', 1, 'ClusterMember'],
  OwnershipTransferred: ['0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0', 'address,address', 2, 'ClusterDiamond'],
  DiamondCut: ['0x8faa70878671ccd212d20771b795c50af8fd3ff6cf27f4bde57e5d4de0aeb673', `${CUTS},address,bytes`, 0, 'ClusterDiamond'],
}

/** Error -> [selector, argument types, the contracts whose ABI must name it]. */
export const ERRORS = {
  NotOurMember: ['0x3d30ea79', '', ['DstackFacet']],
  AlreadyRegistered: ['0x3a81d6fc', '', ['AttestFacet']],
  NotClusterMember: ['0xa6065e61', '', ['MessageFacet', 'NetworkFacet']],
  CodeIdMismatch: ['0x8b2fc9a0', '', ['DstackFacet']],
  BindingMismatch: ['0x438c4873', '', ['DstackFacet']],
  DuplicateEnvelope: ['0x744943e4', '', ['MessageFacet']],
  RecipientNotMember: ['0x919941a4', '', ['MessageFacet']],
  NotOriginator: ['0x8977534f', '', ['AttestFacet']],
  CskCommitmentAlreadySet: ['0xe04f6612', '', ['AttestFacet']],
  NotClusterOwner: ['0x4b016c90', '', ['AttestFacet', 'DstackFacet', 'MessageFacet', 'RemovalFacet', 'ClusterMember']],
  MemberUnknown: ['0x5b13cac4', '', ['RemovalFacet']],
  MemberAlreadyRemoved: ['0xa23668ae', '', ['RemovalFacet']],
  OnlyEntryPoint: ['0xbd07c551', '', ['ClusterMember']],
  OnlyCluster: ['0x3b5fe322', '', ['ClusterMember']],
  OwnerAlreadySet: ['0xcf04b1bb', '', ['ClusterMember']],
  InvalidBootstrapCall: ['0x68dbe400', '', ['ClusterMember']],
  NotInternalCall: ['0xb0730306', '', ['AttestFacet', 'NetworkFacet']],
  NotOwner: ['0x30cd7471', '', ['IndexerRegistry']],
  InvalidPubKeyLength: ['0x9f106472', '', ['DstackFacet']],
  PointNotOnCurve: ['0xa3d28e13', '', ['DstackFacet']],
  InvalidSigChain: ['0x35565c11', '', ['DstackFacet']],
  ECDSAInvalidSignature: ['0xf645eedf', '', ['DstackFacet', 'ClusterMember']],
  ECDSAInvalidSignatureLength: ['0xfce698f7', 'uint256', ['DstackFacet', 'ClusterMember']],
  ECDSAInvalidSignatureS: ['0xd78bce0c', 'bytes32', ['DstackFacet', 'ClusterMember']],
  InvalidInitialization: ['0xf92ee8a9', '', ['ClusterMember']],
  UUPSUnauthorizedCallContext: ['0xe07c8dba', '', ['ClusterMember']],
  UUPSUnsupportedProxiableUUID: ['0xaa1d49a4', 'bytes32', ['ClusterMember']],
  ERC1967InvalidImplementation: ['0x4c9c8ce3', 'address', ['ClusterMember']],
  Ownable__NotOwner: ['0x2f7a8ee1', '', ['ClusterDiamond']],
  SafeOwnable__NotNomineeOwner: ['0xefd1052d', '', ['ClusterDiamond']],
  Proxy__ImplementationIsNotContract: ['0x87c9fc34', '', ['ClusterDiamond']],
  DiamondWritable__SelectorAlreadyAdded: ['0x92474ee2', '', ['ClusterDiamond']],
  DiamondWritable__SelectorNotFound: ['0x6fc4b52e', '', ['ClusterDiamond']],
  DiamondWritable__SelectorIsImmutable: ['0xe9835731', '', ['ClusterDiamond']],
  DiamondWritable__ReplaceTargetIsIdentical: ['0x617557e6', '', ['ClusterDiamond']],
  DiamondWritable__SelectorNotSpecified: ['0xeb6c3aeb', '', ['ClusterDiamond']],
  DiamondWritable__TargetHasNoCode: ['0xf77172ac', '', ['ClusterDiamond']],
  DiamondWritable__RemoveTargetNotZeroAddress: ['0xeacd2424', '', ['ClusterDiamond']],
  DiamondWritable__InvalidInitializationParameters: ['0x26df4ccd', '', ['ClusterDiamond']],
}

/** ERC-7201 base slots. */
export const SLOTS = {
  'attestmesh.storage.Member': '0xb467e8594a304c917a13600fb1a45cab0b4afdd28a6631433cce9a01f8451200',
  'attestmesh.storage.Message': '0x01ed23594c696028727ead8f00e63e0673d543f2d3613a2c2fc01abf2ca2d100',
  'attestmesh.storage.Network': '0x474b09740077ffacfbf2d439dfedf08d163ee733bb577268273bf24437752a00',
  'attestmesh.storage.Dstack': '0x3a6ca0bce3f2eabeff789f3e634310c8ac9ff254a0d573f6389711dd0d3b9600',
  'attestmesh.storage.Removal': '0xb5d56e1c980319b60a23eafda02eb157cc872007df89e57e8932f7c493175000',
  'attestmesh.storage.ClusterMember': '0xeaff3df3ee5169d005a03d5a55e3db27753713bb429f09c0a0f5b446a482f300',
}
export const OWNABLE_SLOT = '0x8a22373512790c48b83a1fe2efdd2888d4a917bcdc24d0adf63e60f671680460'
export const SAFE_OWNABLE_SLOT = '0x24aa1f7b31fd188a8d3ecfb06bc55c806040e59b03bd4396283442fce6617890'
export const IMPLEMENTATION_SLOT = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'
export const INITIALIZABLE_SLOT = '0xf0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c229c6a00'
