# The bus is tested in a build with a few messages more than the suite's.
bus_library(bus_tested ${CMAKE_CURRENT_LIST_DIR}/bus_test.def)
am_test(bus_codec ${CMAKE_CURRENT_LIST_DIR}/test_bus_codec.c LIBS bus_tested PkgConfig::MSGPACK)
if(NOT AM_FUZZ)
  add_executable(bus_peer ${CMAKE_CURRENT_LIST_DIR}/bus_peer.c)
  target_link_libraries(bus_peer bus_tested)
  foreach(x facts calls who)
    am_test(bus_${x} ${CMAKE_CURRENT_LIST_DIR}/test_bus_${x}.c ${CMAKE_CURRENT_LIST_DIR}/bus_world.c
      LIBS bus_tested am_crypto)
    target_compile_definitions(test_bus_${x} PRIVATE BUS_PEER="$<TARGET_FILE:bus_peer>")
    add_dependencies(test_bus_${x} bus_peer)
  endforeach()
endif()
