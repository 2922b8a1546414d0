#include "tests/fuzz/forged/oracle.h"

#include <stdio.h>
#include <string.h>

#include "arch/fake/core/machine.h"
#include "arch/panic.h"
#include "ipc/message.h"
#include "kernel/object/irq.h"
#include "kernel/object/pool.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/object/vcpu.h"
#include "tests/fuzz/forged/leaves.h"
#include "tests/fuzz/forged/rules.h"

#define require(condition, message) machine_require(condition, message)

// Not for the fuzzer to find ways through, and free to look at pages that are nobody's.
#define UNWATCHED __attribute__((no_sanitize("address", "coverage")))

#define PAGES 1024
#define VCPUS 16

// Everything as it was before.
static struct {
    uint64_t page[PAGES][PAGE_SIZE / 8];
    struct pool_page owner[PAGES];
    struct cpu cpu;
    struct machine machine;
    struct arch_vcpu guest[VCPUS]; // of each vCPU, wherever it was
    struct leaf leaf[LEAVES];      // of the guest whose exit is answered
    unsigned leaves;
} was;

static struct vcpu *vcpu_at(uint32_t page) {
    return pool.page[page].type == OBJECT_VCPU && pool.page[page].pages ? pool_object(page) : NULL;
}

// Pages without an owner are not, nor are pages of a space that are no tables yet.
static bool is_looked_at(uint32_t page) {
    static uint32_t first; // of the object that PAGE belongs to: it is asked in ascending order
    const struct pool_page *owner = &pool.page[page];
    if (owner->type == OBJECT_NONE || owner->type == OBJECT_POOL) {
        return false;
    }
    first = owner->pages ? page : first;
    return owner->type != OBJECT_SPACE || (const char *)pool_object(page) < space_at(first)->tables;
}

UNWATCHED static bool is_same(const uint64_t *a, const uint64_t *b) {
    uint64_t different = 0;
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++) {
        different |= a[i] ^ b[i];
    }
    return !different;
}

UNWATCHED static void copy_page(uint64_t *to, const uint64_t *from) {
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++) {
        to[i] = from[i];
    }
}

void oracle_before(const struct attempt *attempt) {
    require(pool.count <= PAGES, "too much object memory for this test");
    memcpy(was.owner, pool.page, pool.count * sizeof(pool.page[0]));
    was.cpu = *machine.cpu;
    was.machine = machine;
    unsigned vcpus = 0;
    for (uint32_t i = 0; i < pool.count; i++) {
        if (is_looked_at(i)) {
            copy_page(was.page[i], pool_object(i));
        }
        struct vcpu *vcpu = vcpu_at(i);
        if (vcpu) {
            require(vcpus < VCPUS, "too many vCPUs for this test");
            was.guest[vcpus++] = *machine_guest(vcpu);
        }
    }
    rules_begin(attempt);
    if (rules_reply.vcpu) {
        was.leaves = leaves_of(rules_reply.vcpu->space, was.leaf);
    }
}

static void check_pages(const struct attempt *attempt) {
    require(memcmp(was.owner, pool.page, pool.count * sizeof(pool.page[0])) == 0,
            "an object came or went");
    for (uint32_t i = 0; i < pool.count; i++) {
        const uint64_t *now = pool_object(i);
        if (!is_looked_at(i) || is_same(now, was.page[i])) {
            continue;
        }
        for (unsigned w = 0; w < PAGE_SIZE / 8; w++) {
            if (now[w] == was.page[i][w]) {
                continue;
            }
            const char *new = (const char *)&now[w];
            const char *old = (const char *)&was.page[i][w];
            for (unsigned b = 0; b < 8; b++) {
                if (new[b] != old[b] && !rules_allow(new + b)) {
                    fprintf(stderr, "call %lu: page %u (type %u), byte %u\n", attempt->number, i,
                            pool.page[i].type, w * 8 + b);
                    require(false, "a server has changed what it has no right to");
                }
            }
        }
    }
}

static void check_cpu(void) {
    const struct cpu *now = machine.cpu, *old = &was.cpu;
    bool times = rules_reply.vcpu && !rules_reply.refused &&
                 (rules_reply.effects & (REPLY_DEADLINE | REPLY_PARK));
    require(now->alone == old->alone && now->home == old->home && now->id == old->id &&
                now->stack_top == old->stack_top && now->borrowed == old->borrowed &&
                memcmp(now->irq, old->irq, sizeof(now->irq)) == 0,
            "a server has changed the CPU's own");
    require(now->next_tick == old->next_tick && now->starved == old->starved,
            "a server has changed the time that others have");
    require(times || (now->next_event == old->next_event && machine.timer == was.machine.timer),
            "a server has set the host's timer");
}

// Interrupts and exceptions that a guest has been shown, by the answer to its exit alone.
static void check_guests(void) {
    unsigned vcpus = 0;
    for (uint32_t i = 0; i < pool.count; i++) {
        struct vcpu *vcpu = vcpu_at(i);
        if (!vcpu) {
            continue;
        }
        struct arch_vcpu now = *machine_guest(vcpu);
        const struct arch_vcpu *old = &was.guest[vcpus++];
        bool answered = rules_reply.vcpu && !rules_reply.refused;
        bool own = answered && vcpu == rules_reply.vcpu;
        bool family = answered && vcpu->space == rules_reply.vcpu->space;
        uint64_t effects = rules_reply.effects;
        uint64_t pending = 0;
        if (own && (effects & REPLY_DEADLINE)) {
            pending |= 1ull << INTERRUPT_TIMER;
        }
        if ((own && (effects & REPLY_CLEAR)) ||
            (family && (effects & REPLY_RAISE) &&
             (rules_reply.targets ? rules_reply.targets >> vcpu->number & 1 : own))) {
            pending |= 1ull << REPLY_INTERRUPT_OF(effects);
        }
        now.pending = (now.pending & ~pending) | (old->pending & pending);
        if (own && (effects & REPLY_INJECT)) {
            now.exception_pc = old->exception_pc;
            now.exception_cause = old->exception_cause;
            now.exception_value = old->exception_value;
        }
        bool started = family && (effects & REPLY_START) && vcpu->state == VCPU_RUNNABLE && !own;
        require(started || memcmp(&now, old, sizeof(now)) == 0,
                "a server has changed what a guest is shown");
        bool fenced = machine.vcpu_fences[vcpu->number] != was.machine.vcpu_fences[vcpu->number];
        require(!fenced || (answered && (effects & REPLY_FENCE)), "a server has made fences");
    }
}

static const struct cap *frame_of(const struct task *task, uint64_t slot) {
    return slot < task->cap_count && task->cap[slot].type == OBJECT_FRAME ? &task->cap[slot] : NULL;
}

static bool is_same_leaf(const struct leaf *a, const struct leaf *b) {
    return a->address == b->address && a->target == b->target && a->size == b->size &&
           a->rights == b->rights;
}

// The guest has what it had, and one page of the server's own at most.
static void check_map(const struct attempt *attempt) {
    static struct leaf leaf[LEAVES];
    uint64_t mapping = attempt->word[3];
    unsigned count = leaves_of(rules_reply.vcpu->space, leaf);
    unsigned old = 0;
    for (unsigned i = 0; i < count; i++) {
        if (old < was.leaves && is_same_leaf(&leaf[i], &was.leaf[old])) {
            old++;
            continue;
        }
        const struct cap *frame = frame_of(attempt->task, REPLY_MAPPING_SLOT(mapping));
        require(count == was.leaves + 1 && frame, "a server has mapped what it has not");
        uint64_t offset = attempt->word[5];
        require(leaf[i].address == attempt->word[2] &&
                    leaf[i].size == 1ull << REPLY_MAPPING_BITS(mapping) &&
                    leaf[i].rights == REPLY_MAPPING_RIGHTS(mapping),
                "a server has mapped something else than it said");
        require(!(leaf[i].rights & ~frame->rights), "a server has mapped with rights it has not");
        require(offset <= frame->size && leaf[i].size <= frame->size - offset &&
                    leaf[i].target == frame->base + offset,
                "a server has mapped beyond its frame");
    }
    require(old == was.leaves, "a server has taken a guest's memory away");
}

// May the caller be told what it asked of a vCPU?
static bool may_read(const struct attempt *attempt) {
    const struct task *task = attempt->task;
    uint64_t op = attempt->word[0];
    if (attempt->selector >= task->cap_count || task->cap[attempt->selector].type != OBJECT_VCPU) {
        return false;
    }
    const struct vcpu *vcpu = pool_object(task->cap[attempt->selector].index);
    if (op == VCPU_READ) {
        uint64_t reg = attempt->word[1];
        const struct route *route = &vcpu->route[MESSAGE_CLASS(vcpu->record.info)];
        return task->serving == &vcpu->record && reg < 32 && (route->read_mask >> reg & 1);
    }
    if (op == VCPU_LOOK) {
        return task->cap[attempt->selector].rights & RIGHT_R;
    }
    return op == VCPU_COUNTERS || op == VCPU_TIMES || op == VCPU_STATE;
}

// May the caller look at what the guest that it serves executes?
static bool may_fetch(const struct attempt *attempt) {
    const struct task *task = attempt->task;
    return attempt->word[0] == TASK_FETCH && task->guest_right && task->serving &&
           task->serving->owner == RECORD_VCPU;
}

// A call that returned: what needs rights was refused, and told nothing.
static void check_return(const struct attempt *attempt) {
    const struct task *task = attempt->task;
    const struct regs *regs = &machine.regs;
    bool own =
        attempt->number == SYSCALL_TASK && (attempt->word[0] == TASK_RECEIVE || may_fetch(attempt));
    bool may = own || attempt->number == SYSCALL_SIGNAL ||
               (attempt->number == SYSCALL_VCPU && may_read(attempt));
    if (attempt->number == SYSCALL_DESTROY && regs->status == STATUS_OK) {
        const struct cap none = {0}, *cap = &task->cap[attempt->selector];
        may = rules_allow(cap) && memcmp(cap, &none, sizeof(none)) == 0;
    }
    require(regs->status != STATUS_OK || may, "a server was allowed what it has no right to");
    require(regs->status == STATUS_OK ||
                memcmp(regs->general, attempt->word, sizeof(attempt->word)) == 0,
            "a server was told something by a call that was refused");
}

void oracle_after(const struct attempt *attempt) {
    struct task *task = attempt->task;
    check_pages(attempt);
    if (machine.current == &task->context && attempt->number != SYSCALL_REPLY_WAIT) {
        check_return(attempt);
    }
    check_cpu();
    check_guests();
    if (rules_reply.refused) {
        require(task->serving == &rules_reply.vcpu->record && machine.current == &task->context &&
                    MESSAGE_CLASS(machine.regs.status) == EXIT_REFUSED,
                "an answer that is wrong does not come back");
    } else if (rules_reply.vcpu && (rules_reply.effects & REPLY_MAP)) {
        check_map(attempt);
    }
    for (unsigned i = 0; i < IRQ_LINES; i++) {
        const struct machine_line *now = &machine.line[i], *old = &was.machine.line[i];
        const struct irq *irq = machine.cpu->irq[i];
        bool answered = irq && rules_allow(&irq->record);
        require(now->enabled == old->enabled && now->asserted == old->asserted &&
                    (answered || (now->taken == old->taken && now->completed == old->completed)),
                "a server has changed an interrupt line");
    }
    const struct context *current = machine.current;
    if (current && current->kind == CONTEXT_TASK && machine.guest_memory) {
        const struct task *shown = container_of(current, struct task, context);
        const struct record *record = shown->serving;
        require(shown->guest_right && record && record->owner == RECORD_VCPU &&
                    container_of(record, struct vcpu, record)->space == machine.guest_memory,
                "a server is shown a guest whose exit it does not serve");
    }
}
