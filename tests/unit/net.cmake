am_test(http ${CMAKE_CURRENT_LIST_DIR}/test_http.c LIBS am_net)
