am_fuzz(evidence ${CMAKE_CURRENT_LIST_DIR}/fuzz_evidence.c LIBS am_evidence PkgConfig::CRYPTO)
