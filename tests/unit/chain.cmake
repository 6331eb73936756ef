if(NOT TARGET dn_rpcdouble)
  add_subdirectory(${CMAKE_SOURCE_DIR}/devnet/rpcdouble ${CMAKE_BINARY_DIR}/devnet/rpcdouble)
endif()
am_test(chain_op unit/test_chain_op.c LIBS chain)
am_test(chain_ledger unit/test_chain_ledger.c LIBS chain)
am_test(chain_rpc unit/test_chain_rpc.c LIBS am_rpc dn_rpcdouble)
am_test(chain_draft unit/test_chain_draft.c LIBS chain)
am_test(chain_view unit/test_chain_view.c unit/chain_fake.c LIBS chain dn_rpcdouble)
add_executable(chain-life integration/chain/chain_life.c integration/chain/chain_host.c)
target_link_libraries(chain-life e2e bus)
add_executable(chain-faults integration/chain/faults.c integration/chain/faults_table.c
  integration/chain/chain_events.c integration/chain/chain_host.c)
target_link_libraries(chain-faults e2e bus)
add_executable(chain-storm integration/chain/storm.c integration/chain/chain_events.c
  integration/chain/chain_host.c)
target_link_libraries(chain-storm e2e bus)
add_executable(chain-reorg integration/chain/reorg.c integration/chain/chain_events.c
  integration/chain/chain_host.c)
target_link_libraries(chain-reorg e2e bus)
