am_fuzz(sponsor ${CMAKE_CURRENT_LIST_DIR}/fuzz_sponsor.c LIBS sponsor)
