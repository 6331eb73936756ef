/*  am_sandbox_int -- the parts of the sandbox that have a table: system calls, files, the root.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_SANDBOX_INT_H
#define AM_SANDBOX_INT_H

#include "am_sandbox.h"

/* The words of sandbox.def for who. */
#define KEYAGENT AM_SANDBOX_KEYAGENT
#define CHAIN AM_SANDBOX_CHAIN
#define MESH AM_SANDBOX_MESH
#define HELPER AM_SANDBOX_HELPER
#define INDEXER AM_SANDBOX_INDEXER
#define API AM_SANDBOX_API
#define SPONSOR AM_SANDBOX_SPONSOR
#define SANITIZER AM_SANDBOX_SANITIZER
#define ON_THE_BUS (KEYAGENT | CHAIN | MESH | INDEXER | API)
#define ALL (ON_THE_BUS | SPONSOR | HELPER)
#define KEEPERS (KEYAGENT | CHAIN | MESH | INDEXER | SPONSOR) /* of a state folder */
#define RESOLVERS (CHAIN | INDEXER | SPONSOR)    /* who ask the RPC, by its host name */
#define LOADERS (RESOLVERS | HELPER | SANITIZER) /* of libraries, while they run */

/* Load the filter.  Returns 0, or a negative errno. */
int am_sandbox_filter(unsigned who);

/* Returns Landlock's ABI when it holds, 0 when this kernel does not have it. */
int am_sandbox_files(unsigned who, const struct am_settings *settings);

struct am_sandbox_path {
    char text[AM_SETTING_TEXT];
    uint64_t rights; /* as am_sandbox_files has them */
    bool written;    /* they let it write */
    bool named;      /* by an operator */
};

/* The next file or folder of the list.  Makes a state folder that is missing.
 *
 * In/Out:  row  where to look on; 0 at first
 * Returns: false when there is none
 */
bool am_sandbox_next_path(struct am_sandbox_path *out, size_t *row, unsigned who,
                          const struct am_settings *settings);

/* Change to a root in which there is nothing but that list.  Folders alone; those that are missing
 * stay so.
 *
 * Returns: AM_OK
 *          AM_FAILED_PRECONDITION  this kernel, or who we are, does not let us; all is as before
 * Source:  ours; mount_namespaces(7), user_namespaces(7), pivot_root(2)
 */
int am_sandbox_root(unsigned who, const struct am_settings *settings,
                    struct am_error *err) AM_MUST_CHECK;

#endif
