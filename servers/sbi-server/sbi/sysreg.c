// Trapped system registers and privileged instructions. The one that a guest is promised is the
// time (Zicntr); all others end as on a machine that does not have them.
#include "servers/sbi-server/sbi/sbi.h"

#define CAUSE_ILLEGAL_INSTRUCTION 2 // privileged architecture 1.12, table 4.2

// csrrs RD, time, x0, of which rdtime is the short form. Reading by csrrc, or by csrrsi and csrrci
// with 0, is the same; all have bits 13 and 12 other than 01 and nothing in the source's place.
#define RDTIME_MASK 0xfff0007fu
#define RDTIME 0xc0100073u

static bool reads_time(uint32_t instruction) {
    uint32_t source = instruction >> 15 & 31;
    bool sets_or_clears = (instruction >> 13 & 1) != 0; // csrrw and csrrwi always write
    return (instruction & RDTIME_MASK) == RDTIME && sets_or_clears && source == 0;
}

void firmware_sysreg(const struct message *record, uint64_t now, struct reply *reply) {
    uint32_t instruction = (uint32_t)record->word[0];
    if (!reads_time(instruction)) {
        reply->flags = REPLY_FLAGS | REPLY_INJECT;
        reply->word[0] = CAUSE_ILLEGAL_INSTRUCTION;
        reply->word[1] = instruction;
        return;
    }
    uint32_t rd = instruction >> 7 & 31;
    reply->flags = REPLY_FLAGS | REPLY_ADVANCE;
    if (rd != 0) {
        reply->flags |= REPLY_WRITE | REPLY_REGISTER(rd);
        reply->word[0] = now;
    }
}
