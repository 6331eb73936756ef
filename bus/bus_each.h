/*  bus_each -- read all messages once more; what the includer did not define says nothing.
 *
 *  SPDX-License-Identifier: Apache-2.0
 */
#ifndef BUS_MESSAGES /* tests build the library with a few messages more */
#define BUS_MESSAGES "messages/all.def"
#endif
#ifndef STRUCT
#define STRUCT(name, doc)
#endif
#ifndef FACT
#define FACT(service, name, kind, doc)
#endif
#ifndef REQUEST
#define REQUEST(service, name, callers, doc)
#endif
#ifndef COMMAND
#define COMMAND(service, name, callers, doc)
#endif
#ifndef REPLY
#define REPLY(service, name)
#endif
#ifndef U64
#define U64(s, field, max, flags, doc)
#define BOOL(s, field, flags, doc)
#define STR(s, field, max, flags, doc)
#define BIN(s, field, min, max, flags, doc)
#define ARRAY(s, field, element, max, flags, doc)
#endif
#ifndef END
#define END(name)
#endif

#include BUS_MESSAGES

#undef STRUCT
#undef FACT
#undef REQUEST
#undef COMMAND
#undef REPLY
#undef U64
#undef BOOL
#undef STR
#undef BIN
#undef ARRAY
#undef END
