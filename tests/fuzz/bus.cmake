am_fuzz(bus ${CMAKE_CURRENT_LIST_DIR}/fuzz_bus.c LIBS bus)
