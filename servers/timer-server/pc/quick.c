// The shortest ways of what happens most: CPUID, and the timer's next deadline.
#include "servers/timer-server/pc/pc.h"

static void answer_cpuid(uint32_t leaf, uint32_t subleaf) {
    const struct pc_cpuid_result found =
        pc_cpuid(rt_record.badge, MESSAGE_VCPU(rt_record.info), leaf, subleaf);
    rt_reply_registers(REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE, pc_word(found.a, found.b),
                       pc_word(found.c, found.d), 0);
}

// Nothing of the APIC changes but when the timer expires, so nothing is due behind it; and what the
// guest has taken meanwhile can be looked at when it matters.
static void set_deadline(uint64_t value) {
    struct pc *pc = &pc_server;
    const struct pc_vcpu_state *kept =
        pc_state_of(pc, rt_record.badge, MESSAGE_VCPU(rt_record.info));
    uint64_t expiry;
    if (!kept || kept->seq == rt_record.seq ||
        !vlapic_is_deadline_only(&kept->lapic, value, rt_now(), &expiry)) {
        return;
    }
    state_set(&pc->state, &kept->seq, rt_record.seq);
    state_set(&pc->state, &kept->lapic.expiry, expiry);
    state_commit(&pc->state);
    rt_reply_deadline_registers(REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE, expiry);
}

// The functions above come back when theirs is not the case.
void rt_exit(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
             uint64_t word5, uint64_t word6, uint64_t word7) {
    if (__builtin_expect(MESSAGE_CLASS(rt_record.info) == EXIT_SYSREG, 1)) {
        if (word0 == PC_CODE_CPUID) {
            answer_cpuid((uint32_t)word2, (uint32_t)word1);
        } else if (word0 == (PC_CODE_WRITES | PC_CODE_MSR) &&
                   (uint32_t)word1 == VLAPIC_MSR_DEADLINE) {
            set_deadline(word2);
        }
    }
    rt_handle_rest(word0, word1, word2, word3, word4, word5, word6, word7);
}
