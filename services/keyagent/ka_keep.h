/*  ka_keep -- the CSK on its ways into the process, out of it, and to the disk and back.
 *
 *  Everything that changes what is held goes through here, so that memory, csk.v1 and keyagent.csk
 *  say the same.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef KA_KEEP_H
#define KA_KEEP_H

#include "ka_state.h"

/* Take the key, write csk.v1, say so.  The key that is held already, pulled once more, changes
 * nothing: mesh asks peers for it only to learn who holds it.  A file that cannot be written is
 * logged: the next start derives or pulls.
 *
 * In:      key  32 bytes in locked memory
 * Returns: what ka_csk_take says; nothing has changed then */
int ka_keep_take(struct keyagent *k, const uint8_t key[static 32], enum ka_csk_source source,
                 struct am_error *err) AM_MUST_CHECK;

/* After a newer view: wipe what must be wiped, and look at csk.v1 once for each commitment.  One
 * that is of no use is ignored, and the log says why. */
void ka_keep_judge(struct keyagent *k);

#endif
