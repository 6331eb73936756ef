am_test(http ${CMAKE_CURRENT_LIST_DIR}/test_http.c LIBS am_net)
am_test(grpc ${CMAKE_CURRENT_LIST_DIR}/test_grpc.c ${CMAKE_CURRENT_LIST_DIR}/net_raw.c LIBS am_net)
am_test(grpc_frame ${CMAKE_CURRENT_LIST_DIR}/test_grpc_frame.c LIBS am_net)
