// What a guest finds there: identification registers, of which it sees what it can have (idregs.c);
// and what these and the architecture promise though a guest has no use of it, as registers of
// which no bit does anything. Everything else is undefined.
#include "servers/npf-pager/sysreg.h"

#include "servers/npf-pager/idregs.h"

// The ISS of a trapped MSR or MRS (Arm DDI 0487, D19.2.37).
#define ISS_READ 1u
#define ISS_RT(iss) ((uint32_t)((iss) >> 5 & 31))
#define ISS(op0, op1, crn, crm, op2)                                                               \
    ((op0) << 20 | (op2) << 17 | (op1) << 14 | (crn) << 10 | (crm) << 1)
#define ISS_NAME ISS(3u, 7u, 15u, 15u, 7u)
#define ISS_GROUP ISS(3u, 7u, 15u, 15u, 0u) // all that have these fields in common
#define ISS_GROUPS ISS(3u, 7u, 15u, 8u, 0u) // those with CRm from that on, too
#define ISS_SPACE ISS(3u, 7u, 0u, 0u, 0u)   // those of one op0 and op1
#define ZERO_REGISTER 31u

// Identification registers: those with op0 3, op1 0, CRn 0, and CRm 1 to 7.
#define ISS_IS_ID(iss) (((iss) & ISS(3u, 7u, 15u, 8u, 0u)) == ISS(3u, 0u, 0u, 0u, 0u))
#define ISS_PLACE(iss) IDREGS_PLACE((uint32_t)((iss) >> 1 & 15), (uint32_t)((iss) >> 17 & 7))

// ZERO reads as zero and ignores writes, IGNORED can only be written.
static const struct quiet {
    uint32_t mask;
    uint32_t fields;
    enum { ZERO, IGNORED } kind;
} quiet[] = {
    // ACTLR_EL1: the implementation's own.
    {ISS_NAME, ISS(3u, 0u, 1u, 0u, 1u), ZERO},
    // The performance counters: PMCR_EL0.N says that there is none. A kernel forbids them to its
    // programs (PMUSERENR_EL0) long before it could take an exception.
    {ISS_GROUP, ISS(3u, 3u, 9u, 12u, 0u), ZERO},
    {ISS_GROUP, ISS(3u, 3u, 9u, 13u, 0u), ZERO},
    {ISS_GROUP, ISS(3u, 3u, 9u, 14u, 0u), ZERO},
    {ISS_GROUP, ISS(3u, 0u, 9u, 14u, 0u), ZERO},
    {ISS_GROUPS, ISS(3u, 3u, 14u, 8u, 0u), ZERO},
    // The debug registers: no breakpoint and no watchpoint ever hits, nothing is stepped, and the
    // OS lock is open. Those of the trace unit, op1 1, are not among them.
    {ISS_SPACE, ISS(2u, 0u, 0u, 0u, 0u), ZERO},
    {ISS_SPACE, ISS(2u, 3u, 0u, 0u, 0u), ZERO},
    // ICC_ASGI1R_EL1, ICC_SGI0R_EL1: interrupts of groups that no guest gets any of.
    {ISS_NAME, ISS(3u, 0u, 12u, 11u, 6u), IGNORED},
    {ISS_NAME, ISS(3u, 0u, 12u, 11u, 7u), IGNORED},
};

// ESR_EL1 of what is injected: a program's kernel has not allowed it the access (class 0x18: that
// is what PMUSERENR_EL0 says when it is zero), or the instruction is undefined.
#define ESR_LENGTH (1u << 25) // an instruction of 32 bits
#define ESR_NOT_ALLOWED (0x18u << 26 | ESR_LENGTH)
#define ESR_UNDEFINED ESR_LENGTH

static const struct quiet *find(uint32_t iss) {
    for (unsigned i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        if ((iss & quiet[i].mask) == quiet[i].fields) {
            return &quiet[i];
        }
    }
    return NULL;
}

// The instruction is done; it loads VALUE, if it loads anything.
static void done(uint32_t iss, uint64_t value, struct reply *reply) {
    reply->flags = REPLY_FLAGS | REPLY_ADVANCE;
    if ((iss & ISS_READ) && ISS_RT(iss) != ZERO_REGISTER) {
        reply->flags |= REPLY_WRITE | REPLY_REGISTER(ISS_RT(iss));
        reply->word[0] = value;
    }
}

// The answers about identification registers that were given last, by place: to which instruction
// of which VM, and what.
static struct known {
    uint64_t iss, physical, badge, flags, value;
} known[IDREGS_PLACE(8, 0)];

static void identify(const struct message *record, bool has_gic_registers, struct reply *reply) {
    uint32_t iss = (uint32_t)record->word[0], place = ISS_PLACE(iss);
    done(iss, idregs_value(place, record->word[1], has_gic_registers), reply);
    known[place] =
        (struct known){iss, record->word[1], record->badge, reply->flags, reply->word[0]};
}

void sysreg_quick(uint64_t iss, uint64_t physical) {
    const struct known *last = &known[ISS_PLACE(iss) % IDREGS_PLACE(8, 0)];
    // No exit that was not answered there has a zero: it reads.
    if (iss == last->iss && physical == last->physical && rt_record.badge == last->badge) {
        rt_reply_write(last->flags, last->value, 0);
    }
}

void sysreg_serve(const struct message *record, bool has_gic_registers, struct reply *reply) {
    uint32_t iss = (uint32_t)record->word[0];
    if (ISS_IS_ID(iss) && (iss & ISS_READ)) {
        identify(record, has_gic_registers, reply);
        return;
    }
    const struct quiet *found = find(iss);
    bool kernel = MESSAGE_MODE(record->info) != 0;
    if (found && !kernel) {
        reply->flags = REPLY_FLAGS | REPLY_INJECT;
        reply->word[0] = ESR_NOT_ALLOWED | iss;
    } else if (!found || (found->kind == IGNORED && (iss & ISS_READ))) {
        reply->flags = REPLY_FLAGS | REPLY_INJECT;
        reply->word[0] = ESR_UNDEFINED;
    } else {
        done(iss, 0, reply);
    }
}
