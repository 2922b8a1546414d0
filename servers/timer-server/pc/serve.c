#include "ipc/lapic.h"
#include "servers/timer-server/pc/pc.h"

void pc_refuse(struct reply *reply, unsigned vector) {
    reply->flags = REPLY_FLAGS | REPLY_INJECT;
    reply->word[0] = vector;
}

static void cpuid(const struct pc_exit *exit, struct reply *reply) {
    const uint64_t *word = exit->record->word;
    const struct pc_cpuid_result found =
        pc_cpuid(exit->record->badge, exit->vcpu, (uint32_t)word[PC_WORD_EDX_EAX],
                 (uint32_t)word[PC_WORD_ECX]);
    reply->flags = REPLY_FLAGS | REPLY_RESULT | REPLY_ADVANCE;
    reply->word[0] = pc_word(found.a, found.b);
    reply->word[1] = pc_word(found.c, found.d);
}

// What is left are the instructions of virtualization, and others that CPUID denies.
static void sysreg(struct pc_exit *exit, struct reply *reply) {
    switch (exit->record->word[PC_WORD_CODE] & PC_CODE_MASK) {
    case PC_CODE_CPUID:
        cpuid(exit, reply);
        break;
    case PC_CODE_MSR:
        pc_msr(exit, reply);
        break;
    case PC_CODE_WRITE_CR4:
    case PC_CODE_WRITE_CR8:
    case PC_CODE_INVD:
    case PC_CODE_WBINVD:
        pc_control(exit, reply);
        break;
    case PC_CODE_RDPMC:
        pc_refuse(reply, PC_PROTECTION);
        break;
    default:
        pc_refuse(reply, PC_UNDEFINED);
        break;
    }
}

static void timer(struct pc_exit *exit, struct reply *reply) {
    if (exit->is_new) {
        vlapic_tick(&exit->lapic, rt_now());
    }
    const uint64_t deadline = vlapic_deadline(&exit->lapic);
    pc_settle(exit, NULL);
    // The timer itself ends no HLT: an interrupt that the guest takes does, if there is one now.
    reply->flags = REPLY_FLAGS | (deadline != VLAPIC_NEVER ? REPLY_DEADLINE : 0) |
                   (MESSAGE_MODE(exit->record->info) ? REPLY_PARK : 0);
    reply->word[2] = deadline;
}

// The guest goes on behind its HLT, but not before there is something to go on for.
static void idle(struct pc_exit *exit, struct reply *reply) {
    const bool pending = exit->record->word[1] != 0;
    reply->flags = REPLY_FLAGS | REPLY_ADVANCE | (pending ? 0 : REPLY_PARK);
}

// Nobody asked for it.
static void window(struct pc_exit *exit, struct reply *reply) {
    (void)exit;
    reply->flags = REPLY_FLAGS;
}

// The page of registers, whose exits the pager gets: an access is an exit that comes by a call.
static void access_page(struct pc *pc, const struct message *record, struct reply *reply) {
    const uint64_t *word = record->word;
    const struct message made = {
        .info = MESSAGE_INFO(EXIT_STAGE2, word[2] & 0xff, 1),
        .seq = word[5],
        .badge = word[1],
    };
    struct vlapic_ipi ipi = {0};
    struct pc_exit exit;
    if (word[2] > UINT8_MAX || !pc_begin(pc, &made, &exit)) {
        reply->word[0] = STATUS_NOT_FOUND;
        return;
    }
    const uint32_t offset = LAPIC_OFFSET(word[3]);
    const uint64_t now = rt_now();
    if (!(word[3] & LAPIC_WRITE)) {
        reply->word[1] = vlapic_read_page(&exit.lapic, offset, now);
    } else {
        if (exit.is_new) {
            vlapic_tick(&exit.lapic, now);
            vlapic_write_page(&exit.lapic, offset, (uint32_t)word[4], now, &ipi);
        }
        pc_settle(&exit, &ipi);
    }
    reply->word[2] = vlapic_deadline(&exit.lapic);
}

static void call(struct pc *pc, const struct message *record, struct reply *reply) {
    if (record->word[0] == LAPIC_ACCESS) {
        access_page(pc, record, reply);
    } else {
        reply->word[0] = STATUS_UNSUPPORTED;
    }
}

static void other(struct pc *pc, const struct message *record, struct reply *reply) {
    enum exit_class c = MESSAGE_CLASS(record->info);
    switch (c) {
    case EXIT_SIGNAL:
        return;
    case EXIT_CALL:
        call(pc, record, reply);
        return;
    case EXIT_REFUSED:
        rt_die("the core refused the answer to exit %llu of VM %llu: %s",
               (unsigned long long)record->seq, (unsigned long long)record->badge,
               status_text((enum status)record->word[0]));
    default:
        rt_die("no exits of class %s are served here: the manifest routes them wrongly",
               exit_class_name(c));
    }
}

void pc_serve(void *state, const struct message *record, struct reply *reply) {
    static void (*const by_class[EXIT_COUNT])(struct pc_exit *, struct reply *) = {
        [EXIT_SYSREG] = sysreg,
        [EXIT_TIMER] = timer,
        [EXIT_IDLE] = idle,
        [EXIT_WINDOW] = window,
    };
    enum exit_class c = MESSAGE_CLASS(record->info);
    struct pc_exit exit;
    if ((uint32_t)c >= EXIT_COUNT || !by_class[c]) {
        other(state, record, reply);
        return;
    }
    if (!pc_begin(state, record, &exit)) {
        rt_die("VM %llu vCPU %u is not in the config: no entry `vcpu-%llu`, or too few",
               (unsigned long long)record->badge, MESSAGE_VCPU(record->info),
               (unsigned long long)record->badge);
    }
    by_class[c](&exit, reply);
}
