am_test(base ${CMAKE_CURRENT_LIST_DIR}/test_base.c LIBS am_base)
am_test(file ${CMAKE_CURRENT_LIST_DIR}/test_file.c LIBS am_base)
am_test(sandbox ${CMAKE_CURRENT_LIST_DIR}/test_sandbox.c LIBS am_base)
am_test(sandbox_enter ${CMAKE_CURRENT_LIST_DIR}/test_sandbox_enter.c LIBS am_base)
