am_fuzz(wire ${CMAKE_CURRENT_LIST_DIR}/fuzz_wire.c LIBS am_wire am_eth am_crypto am_base)
am_fuzz(eth ${CMAKE_CURRENT_LIST_DIR}/fuzz_eth.c LIBS am_eth am_crypto am_base)
