am_test(crypto ${CMAKE_CURRENT_LIST_DIR}/test_crypto.c LIBS am_crypto am_base)
am_test(eth ${CMAKE_CURRENT_LIST_DIR}/test_eth.c LIBS am_eth am_crypto am_base)
am_test(wire ${CMAKE_CURRENT_LIST_DIR}/test_wire.c LIBS am_wire am_eth am_crypto am_base)
