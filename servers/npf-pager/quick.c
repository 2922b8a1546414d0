// The shortest way of what happens most: a touch that maps a page, and a load from a device by the
// instruction that was decoded last, both in the region where the VM's last fault was. The words of
// the exit are in registers, and so are those of the answer. All else takes the long way (serve.c),
// which leaves behind what makes the next one quick.
#include "servers/npf-pager/emulate.h"
#include "servers/npf-pager/machine.h"
#include "servers/npf-pager/pager.h"

// A load from the same device as the last one, of which hardware says what was done, which is
// GIVEN: as last time, it is hoped.
__attribute__((noinline)) static void quick_given(uint64_t address, uint64_t given) {
    const struct pager_access *access = &pager.decoded;
    const struct pager_loaded *from = &pager.loaded;
    if (given == access->given && emulate_is_aligned(access, address)) {
        if (from->look) {
            emulate_reply(access, from->look(from->object, address - from->base, access->size));
        }
        emulate_reply(access, emulate_read(&pager, address));
    }
    rt_handle_rest(address, ACCESS_READ, 0, given, 0, 0, 0, 0); // of the others none is looked at
}

// Apart, so that it costs the others nothing.
__attribute__((noinline)) static void quick_other(uint64_t word0, uint64_t word1, uint64_t word2,
                                                  uint64_t word3, uint64_t word4, uint64_t word5,
                                                  uint64_t word6, uint64_t word7) {
    if (MESSAGE_CLASS(rt_record.info) == EXIT_SYSREG) {
        machine_quick_sysreg(word0, word1);
    }
    rt_handle_rest(word0, word1, word2, word3, word4, word5, word6, word7);
}

void rt_exit(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
             uint64_t word5, uint64_t word6, uint64_t word7) {
    uint64_t address = word0, access = word1, given = word3; // as of EXIT_STAGE2, ipc/exit.h
    if (MESSAGE_CLASS(rt_record.info) == EXIT_STAGE2) {
        // init gives no badge above what the table has.
        const struct region *region = pager.by_number[rt_record.badge % PAGER_NUMBERS]->last;
        if (region_holds(region, address)) {
            if (region == pager.loaded.region && access == ACCESS_READ) {
                if (given) {
                    quick_given(address, given);
                } else {
                    code_quick_load(rt_record.pc, address, word2);
                }
                return;
            }
            if (region_action(region, access) == REGION_MAP) {
                struct region_page page = region_page(region, address);
                pager_remember_mapping(&pager, rt_record.seq, address);
                rt_reply_map(page.address, page.mapping, page.offset);
            }
        }
    } else {
        quick_other(word0, word1, word2, word3, word4, word5, word6, word7);
        return;
    }
    rt_handle_rest(word0, word1, word2, word3, word4, word5, word6, word7);
}
