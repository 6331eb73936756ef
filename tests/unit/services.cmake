# indexer, api, sponsor, the operator's command and the devnet's machinery.
set(here ${CMAKE_CURRENT_LIST_DIR})
am_test(indexer_log ${here}/test_indexer_log.c LIBS indexer)
am_test(indexer_store ${here}/test_indexer_store.c LIBS indexer)
