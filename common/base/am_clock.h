/*  am_clock -- two clocks that never mix.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef AM_CLOCK_H
#define AM_CLOCK_H

#include <stdint.h>

int64_t
am_mono_ms(void); /* CLOCK_MONOTONIC: deadlines, ages; comparable between processes of one kernel */
int64_t
am_wall_ms(void); /* CLOCK_REALTIME since 1970: shown, sent to peers, never used for deadlines */

#endif
