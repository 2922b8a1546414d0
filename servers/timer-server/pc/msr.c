// Model-specific registers: the local APIC's, those that the hardware keeps for the guest but whose
// values must be looked at first (EFER, PAT), and a few that software asks for whatever CPU it
// finds. All others end in the fault that a CPU has for what it does not know.
#include "arch/x86_64/include/arch/regs.h"
#include "servers/timer-server/pc/pc.h"

#define MSR_TIME_STAMP 0x10u
#define MSR_PATCH_LEVEL 0x8bu
#define MSR_PAT 0x277u
#define MSR_EFER 0xc0000080u

#define EFER_LONG_MODE (1u << 8)
#define EFER_SVM (1u << 12)
// SCE, LME, LMA, NXE, FFXSR.
#define EFER_BITS (1u << 0 | EFER_LONG_MODE | 1u << 10 | 1u << 11 | 1u << 14)
#define CR0_PAGING (1u << 31)
#define PAT_TYPES 0xf3u // bits of the memory types that there are: 0, 1, 4, 5, 6, 7

uint64_t pc_register(const struct pc_exit *exit, unsigned number) {
    uint64_t value = 0;
    enum status status = rt_vcpu_read(exit->vm->slot[exit->vcpu], number, &value);
    if (status == STATUS_DENIED) {
        rt_reply_nobody(); // nothing has been changed before a register is read
    }
    if (status != STATUS_OK) {
        rt_die("register %u of vCPU %u can't be read: %s", number, exit->vcpu, status_text(status));
    }
    return value;
}

static bool is_lapic(uint32_t msr) {
    return msr == VLAPIC_MSR_BASE || msr == VLAPIC_MSR_DEADLINE ||
           (msr >= VLAPIC_MSR_FIRST && msr <= VLAPIC_MSR_LAST);
}

static bool read_other(const struct pc_exit *exit, uint32_t msr, uint64_t *value) {
    switch (msr) {
    case MSR_TIME_STAMP:
        *value = rt_now();
        return true;
    case MSR_PATCH_LEVEL:
        *value = 0;
        return true;
    case MSR_PAT:
        *value = pc_register(exit, REGS_PAT);
        return true;
    case MSR_EFER:
        *value = pc_register(exit, REGS_EFER) & ~(uint64_t)EFER_SVM;
        return true;
    default:
        return false;
    }
}

static void read_register(const struct pc_exit *exit, uint32_t msr, struct reply *reply) {
    uint64_t value = 0;
    const bool there = is_lapic(msr) ? vlapic_read_msr(&exit->lapic, msr, rt_now(), &value)
                                     : read_other(exit, msr, &value);
    if (!there) {
        pc_refuse(reply, PC_PROTECTION);
        return;
    }
    reply->flags = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE;
    reply->word[0] = value;
}

static void write_lapic(struct pc_exit *exit, uint32_t msr, uint64_t value, struct reply *reply) {
    struct vlapic_ipi ipi = {0};
    const struct pc_vcpu_state *kept = pc_state_of(exit->pc, exit->record->badge, exit->vcpu);
    const uint64_t before = vlapic_deadline(&kept->lapic);
    const uint64_t now = rt_now();
    if (exit->is_new) {
        // What has expired by now is not lost by what is set now.
        vlapic_tick(&exit->lapic, now);
        if (!vlapic_write_msr(&exit->lapic, msr, value, now, &ipi)) {
            pc_refuse(reply, PC_PROTECTION);
            return;
        }
    }
    const uint64_t deadline = vlapic_deadline(&exit->lapic);
    const bool moves = !exit->is_new || deadline != before;
    pc_settle(exit, &ipi);
    reply->flags = REPLY_FLAGS | REPLY_ADVANCE | (moves ? REPLY_DEADLINE : 0);
    reply->word[2] = deadline;
}

// Long mode is not switched while there is paging (14.6.1).
static bool efer_is_valid(const struct pc_exit *exit, uint64_t value) {
    if (value & ~(uint64_t)EFER_BITS) {
        return false;
    }
    return !(pc_register(exit, REGS_CR0) & CR0_PAGING) ||
           !((pc_register(exit, REGS_EFER) ^ value) & EFER_LONG_MODE);
}

static bool pat_is_valid(uint64_t value) {
    for (unsigned i = 0; i < 8; i++) {
        const unsigned type = value >> 8 * i & 0xff;
        if (type > 7 || !(PAT_TYPES >> type & 1)) {
            return false;
        }
    }
    return true;
}

static void write_register(struct pc_exit *exit, uint32_t msr, uint64_t value,
                           struct reply *reply) {
    if (is_lapic(msr)) {
        write_lapic(exit, msr, value, reply);
        return;
    }
    const bool is_efer = msr == MSR_EFER && efer_is_valid(exit, value);
    const bool is_pat = msr == MSR_PAT && pat_is_valid(value);
    if (is_efer || is_pat) {
        reply->flags = REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE |
                       REPLY_REGISTER(is_efer ? REGS_EFER : REGS_PAT);
        reply->word[0] = value;
    } else if (msr == MSR_PATCH_LEVEL) {
        reply->flags = REPLY_FLAGS | REPLY_ADVANCE;
    } else {
        pc_refuse(reply, PC_PROTECTION);
    }
}

void pc_msr(struct pc_exit *exit, struct reply *reply) {
    const uint64_t *word = exit->record->word;
    const uint32_t msr = (uint32_t)word[PC_WORD_ECX];
    if (word[PC_WORD_CODE] & PC_CODE_WRITES) {
        write_register(exit, msr, word[PC_WORD_EDX_EAX], reply);
    } else {
        read_register(exit, msr, reply);
    }
}
