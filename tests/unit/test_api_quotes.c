/*  test_api_quotes -- x  */
#include "api_world.h"
TestSuite(api_quotes, .init = aw_begin, .fini = aw_end, .timeout = 120);
