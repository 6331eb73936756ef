am_test(http ${CMAKE_CURRENT_LIST_DIR}/test_http.c LIBS am_net)
am_test(http_names ${CMAKE_CURRENT_LIST_DIR}/test_http_names.c LIBS am_net)
am_test(grpc ${CMAKE_CURRENT_LIST_DIR}/test_grpc.c ${CMAKE_CURRENT_LIST_DIR}/net_raw.c LIBS am_net)
am_test(grpc_unix ${CMAKE_CURRENT_LIST_DIR}/test_grpc_unix.c ${CMAKE_CURRENT_LIST_DIR}/net_raw.c
  LIBS am_net)
if(TEST grpc_unix) # see cli/up.c
  set_tests_properties(grpc_unix PROPERTIES ENVIRONMENT LD_BIND_NOW=1)
endif()
am_test(grpc_client ${CMAKE_CURRENT_LIST_DIR}/test_grpc_client.c ${CMAKE_CURRENT_LIST_DIR}/net_raw.c
  LIBS am_net)
am_test(grpc_frame ${CMAKE_CURRENT_LIST_DIR}/test_grpc_frame.c LIBS am_net)
if(NOT AM_FUZZ)
  set(dir ${CMAKE_CURRENT_LIST_DIR}/../integration/grpc-js)
  add_executable(grpc_echo ${dir}/grpc_echo.c)
  target_link_libraries(grpc_echo am_net)
  # The v1 peer's packages are installed by its own step; without them there is no other end.
  if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/../v1peer/node_modules/@grpc/grpc-js)
    add_test(NAME grpc_js COMMAND node ${dir}/interop.mjs $<TARGET_FILE:grpc_echo>)
  endif()
endif()
