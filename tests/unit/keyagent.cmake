# The guest-agent simulator and keyagent.
set(here ${CMAKE_CURRENT_LIST_DIR})
am_test(guestagent ${here}/test_guestagent.c ${here}/guest_double.c LIBS dn_guestagent)
if(NOT AM_FUZZ)
  add_test(NAME dstack_sdk COMMAND ${here}/../integration/dstack-sdk/run $<TARGET_FILE:guest-agent>)
endif()
