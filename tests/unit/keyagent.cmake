# The guest-agent simulator and keyagent.
set(here ${CMAKE_CURRENT_LIST_DIR})
am_test(guestagent ${here}/test_guestagent.c ${here}/guest_double.c LIBS dn_guestagent)
if(NOT AM_FUZZ)
  add_test(NAME dstack_sdk COMMAND ${here}/../integration/dstack-sdk/run $<TARGET_FILE:guest-agent>)
endif()
am_test(keyagent_json ${here}/test_keyagent_json.c LIBS keyagent)
am_test(keyagent_link ${here}/test_keyagent_link.c ${here}/ka_fixture.c LIBS keyagent dn_guestagent)
am_test(keyagent_rules ${here}/test_keyagent_rules.c ${here}/ka_fixture.c ${here}/guest_double.c LIBS keyagent dn_guestagent)
am_test(keyagent_csk ${here}/test_keyagent_csk.c LIBS keyagent)
am_test(keyagent_agent ${here}/test_keyagent_agent.c ${here}/ka_bringup.c ${here}/guest_double.c LIBS keyagent dn_guestagent)
am_test(keyagent_versions ${here}/test_keyagent_versions.c ${here}/ka_bringup.c ${here}/guest_double.c LIBS keyagent dn_guestagent)
am_test(keyagent_cache ${here}/test_keyagent_cache.c LIBS keyagent)
am_test(keyagent_origin ${here}/test_keyagent_origin.c ${here}/ka_fixture.c LIBS keyagent dn_guestagent)
am_test(keyagent_quote ${here}/test_keyagent_quote.c ${here}/guest_double.c LIBS keyagent dn_guestagent)
am_test(keyagent_fixtures ${here}/test_keyagent_fixtures.c LIBS keyagent)
# the real processes
am_test(keyagent_bus ${here}/../integration/keyagent/test_keyagent_bus.c
  ${here}/../integration/keyagent/ka_world.c LIBS bus dn_guestagent)
if(TARGET test_keyagent_bus)
  target_compile_definitions(test_keyagent_bus PRIVATE KEYAGENT="$<TARGET_FILE:attestmesh-keyagent>"
    GUEST_AGENT="$<TARGET_FILE:guest-agent>")
  add_dependencies(test_keyagent_bus attestmesh-keyagent guest-agent)
endif()
# under valgrind, by tests/ctime.sh
if(NOT AM_FUZZ)
  add_executable(ct_keyagent ${here}/ct_keyagent.c ${here}/ka_fixture.c ${here}/guest_double.c)
  target_link_libraries(ct_keyagent keyagent dn_guestagent PkgConfig::CRITERION)
endif()
