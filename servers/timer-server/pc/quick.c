// The shortest ways of what happens most: CPUID, and the timer's next deadline.
#include "ipc/lapic.h"
#include "servers/timer-server/pc/pc.h"

// CPUID's answers by whoever asked: what a vCPU was told it is told again. The highest and the
// lowest bits of a leaf say its place, so that few share one.
#define ANSWERS 64
static struct answer {
    uint64_t info, badge; // of the exit; info is 0 where there is no answer
    uint32_t leaf, subleaf;
    uint64_t word[2];
} answers[ANSWERS];

static struct answer *place_of(uint32_t leaf) {
    return &answers[(leaf << 2 | leaf >> 30) % ANSWERS];
}

static inline __attribute__((always_inline)) void give(const struct answer *answer,
                                                       uint64_t word2) {
    rt_reply_registers(REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE, answer->word[0], answer->word[1],
                       word2);
}

// Nobody has asked that just now.
static __attribute__((noinline)) void find_answer(uint64_t word0, uint64_t word1, uint64_t word2) {
    const uint32_t leaf = (uint32_t)word2, subleaf = (uint32_t)word1;
    struct answer *answer = place_of(leaf);
    const struct pc_cpuid_result found =
        pc_cpuid(rt_record.badge, MESSAGE_VCPU(rt_record.info), leaf, subleaf);
    *answer = (struct answer){
        .info = rt_record.info,
        .badge = rt_record.badge,
        .leaf = leaf,
        .subleaf = subleaf,
        .word = {pc_word(found.a, found.b), pc_word(found.c, found.d)},
    };
    (void)word0;
    give(answer, 0);
}

// The timer is set. Nothing of the APIC changes but when that expires, so nothing is due behind it;
// and what the guest has taken meanwhile can be looked at when it matters.
static const struct pc_vcpu_state *timer_state(void) {
    const struct pc_vcpu_state *kept =
        pc_state_of(&pc_server, rt_record.badge, MESSAGE_VCPU(rt_record.info));
    return kept && kept->seq != rt_record.seq ? kept : NULL;
}

static void answer_timer(const struct pc_vcpu_state *kept, uint64_t expiry) {
    state_set(&pc_server.state, &kept->seq, rt_record.seq);
    state_set(&pc_server.state, &kept->lapic.expiry, expiry);
    state_commit(&pc_server.state);
    rt_reply_deadline_registers(REPLY_FLAGS | REPLY_ADVANCE | REPLY_DEADLINE, expiry);
}

// A SYSREG exit has three words.
static void take_rest(uint64_t word0, uint64_t word1, uint64_t word2) {
    rt_handle_rest(word0, word1, word2, 0, 0, 0, 0, 0);
}

__attribute__((noinline)) static void set_deadline(uint64_t word0, uint64_t word1, uint64_t word2) {
    const struct pc_vcpu_state *kept = timer_state();
    const uint64_t expiry = kept ? vlapic_deadline_only(&kept->lapic, word2, rt_counter()) : 0;
    if (expiry != 0) {
        answer_timer(kept, expiry);
    }
    take_rest(word0, word1, word2);
}

__attribute__((noinline)) static void set_count(uint64_t word0, uint64_t word1, uint64_t word2) {
    const struct pc_vcpu_state *kept = timer_state();
    const uint64_t expiry = kept ? vlapic_count_only(&kept->lapic, word2, rt_counter()) : 0;
    if (expiry != 0) {
        state_set(&pc_server.state, &kept->lapic.initial, word2);
        answer_timer(kept, expiry);
    }
    take_rest(word0, word1, word2);
}

// The same by the page of registers, whose exits the pager gets.
__attribute__((noinline)) static void set_page_count(uint64_t word0, uint64_t vm, uint64_t vcpu,
                                                     uint64_t offset, uint64_t value,
                                                     uint64_t seq) {
    const struct pc_vcpu_state *kept =
        vcpu <= UINT8_MAX ? pc_state_of(&pc_server, vm, (uint32_t)vcpu) : NULL;
    const uint64_t expiry =
        kept && kept->seq != seq ? vlapic_page_count_only(&kept->lapic, value, rt_counter()) : 0;
    if (expiry != 0) {
        state_set(&pc_server.state, &kept->seq, seq);
        state_set(&pc_server.state, &kept->lapic.initial, value);
        state_set(&pc_server.state, &kept->lapic.expiry, expiry);
        state_commit(&pc_server.state);
        rt_reply_call(STATUS_OK, 0, expiry, 0, 0, 0, 0, 0);
    }
    rt_handle_rest(word0, vm, vcpu, offset, value, seq, 0, 0); // there are no more words
}

// Apart, so that it costs the others nothing.
__attribute__((noinline)) static void other(uint64_t word0, uint64_t word1, uint64_t word2,
                                            uint64_t word3, uint64_t word4, uint64_t word5) {
    if (MESSAGE_CLASS(rt_record.info) == EXIT_CALL && word0 == LAPIC_ACCESS &&
        word3 == (LAPIC_WRITE | VLAPIC_PAGE_INITIAL)) {
        set_page_count(word0, word1, word2, word3, word4, word5);
    } else {
        rt_handle_rest(word0, word1, word2, word3, word4, word5, 0, 0);
    }
}

// None of these comes back, so nothing here needs a stack.
static inline __attribute__((always_inline)) void sysreg(uint64_t word0, uint64_t word1,
                                                         uint64_t word2) {
    if (word0 == (PC_CODE_WRITES | PC_CODE_MSR) && word1 == VLAPIC_MSR_INITIAL) {
        set_count(word0, word1, word2);
    } else if (word0 == (PC_CODE_WRITES | PC_CODE_MSR) && word1 == VLAPIC_MSR_DEADLINE) {
        set_deadline(word0, word1, word2);
    } else if (word0 == PC_CODE_CPUID) {
        find_answer(word0, word1, word2);
    } else {
        take_rest(word0, word1, word2);
    }
}

void rt_exit(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
             uint64_t word5, uint64_t word6, uint64_t word7) {
    const uint32_t leaf = (uint32_t)word2, subleaf = (uint32_t)word1;
    const struct answer *answer = place_of(leaf);
    // An answer's info is that of a SYSREG exit.
    if (word0 == PC_CODE_CPUID && answer->info == rt_record.info && answer->leaf == leaf &&
        answer->subleaf == subleaf && answer->badge == rt_record.badge) {
        give(answer, word2);
    }
    if (MESSAGE_CLASS(rt_record.info) == EXIT_SYSREG) {
        sysreg(word0, word1, word2);
    } else {
        other(word0, word1, word2, word3, word4, word5);
    }
    (void)word6, (void)word7; // nothing that is served here has so many
}
