// The fake machine's side of the system.
#include "tests/fuzz/forged/system.h"

#include <string.h>

#include "arch/panic.h"
#include "libs/rt/rt.h"
#include "tests/unit/kernel/world.h"

#define PAGES 640 // of object memory

#define require(condition, message) machine_require(condition, message)

// --- init's system calls

enum status rt_system_call(enum syscall number, uint64_t selector, struct rt_words *words) {
    enum status status = world_do(world.init, number, selector, words->word);
    memcpy(words->word, machine.regs.general, sizeof(words->word));
    return status;
}

enum status rt_signal(unsigned portal) {
    return world_do(world.init, SYSCALL_SIGNAL, portal, WORDS(0));
}

enum status rt_map(unsigned space, uint64_t address, unsigned frame, uint64_t offset, uint64_t size,
                   uint64_t rights) {
    while (size) {
        struct rt_words words = {.word = {address, frame, offset, size, rights}};
        enum status status = rt_system_call(SYSCALL_MAP, space, &words);
        if (status != STATUS_OK) {
            return status;
        }
        address += words.word[0];
        offset += words.word[0];
        size -= words.word[0];
    }
    return STATUS_OK;
}

// --- the system

void *system_object(unsigned slot) { return world_object(slot); }

struct space *system_space(unsigned slot) { return world_space(slot); }

struct task *system_server(unsigned index) { return world_object(start_task_slot(index)); }

struct vcpu *system_vcpu(unsigned vm, unsigned number) {
    return world_object(start_vcpu_slot(vm, number));
}

// A server names its receive entry and waits.
static void server_arrives(unsigned index) {
    struct task *task = system_server(index);
    world_do(task, SYSCALL_TASK, 0, WORDS(TASK_RECEIVE, WORLD_SERVER_PC, 0x9000, 0x78));
    world_wait(task);
}

void system_begin(void) {
    world_begin_pages(PAGES);
    start_all(world.next_page, world.booted.general[7]);
    for (unsigned i = 0; i < start_servers(); i++) {
        server_arrives(i);
    }
    system_settle();
}

// As little as can be: an exit is passed over, a call gets nothing back.
static void answer(struct task *task) {
    bool exit = (task->serving && task->serving->owner == RECORD_VCPU) || world.cpu.fast;
    uint64_t c = task->serving ? MESSAGE_CLASS(task->serving->info) : EXIT_HYPERCALL;
    bool advance = c == EXIT_STAGE2 || c == EXIT_SYSREG || c == EXIT_IDLE || c == EXIT_HYPERCALL;
    world_reply(task, exit ? REPLY_FLAGS | (advance ? REPLY_ADVANCE : 0) : 0, WORDS(0));
}

// Somebody has something to do that is not done by answering.
static bool set_right(void) {
    for (unsigned i = 0; i < start_servers(); i++) {
        if (system_server(i)->state == TASK_DEAD) {
            world_run(world.init);
            start_again(i);
            server_arrives(i);
            return true;
        }
    }
    for (unsigned i = 0; i < start_vms(); i++) {
        const struct vcpu *vcpu = system_vcpu(i, 0);
        if (vcpu->state == VCPU_OFF || vcpu->state == VCPU_PARKED) {
            world_run(world.init);
            world_do(world.init, SYSCALL_VCPU, start_vcpu_slot(i, 0), WORDS(VCPU_STOP));
            world_do(world.init, SYSCALL_VCPU, start_vcpu_slot(i, 0),
                     WORDS(VCPU_START, WORLD_GUEST_PC));
            return true;
        }
    }
    return false;
}

void system_settle(void) {
    for (unsigned steps = 0; steps < 1000; steps++) {
        if (machine.current && machine.current->kind == CONTEXT_TASK) {
            answer(task_of(machine.current));
        } else if (!set_right()) {
            return;
        }
    }
    require(false, "the system does not come to rest");
}
