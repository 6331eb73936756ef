# Evidence: quotes, event logs, what attestmesh verify says of them.
set(here ${CMAKE_CURRENT_LIST_DIR})
set(made ${here}/evidence_made.c ${here}/evidence_flip.c)
am_test(quote ${here}/test_quote.c LIBS am_evidence)
am_test(evidence ${here}/test_evidence.c ${made} LIBS am_evidence PkgConfig::CRYPTO)
am_test(eventlog ${here}/test_eventlog.c ${here}/evidence_made.c
  LIBS am_evidence PkgConfig::CRYPTO)
am_test(compose_hash ${here}/test_compose_hash.c LIBS am_evidence)
am_test(verify ${here}/test_verify.c ${here}/evidence_made.c ${here}/service_world.c
  LIBS am_evidence dn_guestagent bus am_net devnet PkgConfig::CRYPTO)
if(TARGET test_verify)
  target_compile_definitions(test_verify PRIVATE ATTESTMESH="$<TARGET_FILE:attestmesh>"
    ANVIL="") # no chain is started, and service_world.c could
  add_dependencies(test_verify attestmesh)
endif()
