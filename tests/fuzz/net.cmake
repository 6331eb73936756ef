am_fuzz(grpc_frame ${CMAKE_CURRENT_LIST_DIR}/fuzz_grpc_frame.c LIBS am_net)
