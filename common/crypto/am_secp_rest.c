/*  am_secp_rest -- gives back the memory of libsecp256k1's tables when no signature is recovered.
 */
#include "am_secp.h"

#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int
give_back(struct dl_phdr_info *library, size_t size, void *arg)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size, (void)arg;
    if (strstr(library->dlpi_name, "libsecp256k1") == NULL)
        return 0;
    for (unsigned i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        const uintptr_t from = library->dlpi_addr + part->p_vaddr, start = from - from % page;

        /* Constants of the file: what is used again is read again. */
        if (part->p_type == PT_LOAD && part->p_flags == PF_R)
            (void)madvise((void *)start, from + part->p_memsz - start, MADV_DONTNEED);
    }
    return 1;
}

void
am_secp_rest(void)
{
    (void)dl_iterate_phdr(give_back, NULL);
}
