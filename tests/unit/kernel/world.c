#include "tests/unit/kernel/world.h"

#include <sanitizer/asan_interface.h>
#include <string.h>

#include "arch/panic.h"
#include "arch/space.h"
#include "arch/time.h"
#include "ipc/bundle.h"
#include "kernel/boot/boot.h"
#include "kernel/object/pool.h"
#include "kernel/sched/sched.h"
#include "tests/unit/kernel/invariants.h"

#define BUNDLE_BYTES 0x4000ull

#define require(condition, message) machine_require(condition, message)

struct world world;

static void check(void) {
    invariants_close();
    if (!world.careless) {
        invariants_check(&world.cpu);
    }
}

static void write_bundle(uint32_t pages) {
    struct bundle_header *bundle = (void *)(machine.memory + WORLD_CORE_BYTES);
    memset(bundle, 0, BUNDLE_BYTES);
    *bundle = (struct bundle_header){
        .magic = BUNDLE_MAGIC,
        .version = BUNDLE_VERSION,
        .segment_count = 2,
        .size = BUNDLE_BYTES,
        .object_memory = pages * PAGE_SIZE,
        .entry = 0x1000,
        .segment =
            {{.vaddr = 0x1000, .offset = 0x1000, .size = 0x1000, .rights = RIGHT_R | RIGHT_X},
             {.vaddr = 0x2000, .offset = 0x2000, .size = 0x2000, .rights = RIGHT_R | RIGHT_W}},
    };
}

void world_begin_pages(uint32_t pages) {
    uint64_t size = WORLD_CORE_BYTES + BUNDLE_BYTES + (pages + ARCH_SPACE_ALIGN_PAGES) * PAGE_SIZE;
    size = (size + 0xffff) & ~0xffffull;
    if (machine.memory) {
        ASAN_UNPOISON_MEMORY_REGION(machine.memory, machine.memory_size);
    }
    world = (struct world){0};
    machine_reset(size, &world.cpu);
    memset(machine.memory, 0xa5, size); // whatever was there before
    write_bundle(pages);
    const struct boot_info info = {
        .cpu = &world.cpu,
        .image = HPA(MACHINE_MEMORY_BASE),
        .bundle = HPA(MACHINE_MEMORY_BASE + WORLD_CORE_BYTES),
        .argument = {11, 12, 13},
    };
    boot_main(&info);
    world.cpu.next_tick = ARCH_TICK;
    world.cpu.next_event = ARCH_TICK;
    arch_timer_set(ARCH_TICK);
    trap_begin(sched_next(&world.cpu));
    require(machine.current && machine.current->kind == CONTEXT_TASK, "init does not run");
    world.init = task_of(machine.current);
    world.booted = machine.regs;
    world.next_slot = INIT_SLOT_FREE;
    world.next_page = world.first_free = (uint32_t)machine.regs.general[6];
    check();
    world.init_portal = world_create(OBJECT_PORTAL, 1, 0, 0, 0);
    unsigned line = world_create(OBJECT_IRQ, 1, WORLD_WAKE_LINE, 0, 0);
    require(world_do(world.init, SYSCALL_BIND, BIND_PORTAL,
                     WORDS(world.init_portal, INIT_SLOT_TASK)) == STATUS_OK,
            "init's portal");
    require(world_do(world.init, SYSCALL_BIND, BIND_IRQ, WORDS(line, world.init_portal)) ==
                STATUS_OK,
            "init's interrupt");
    require(world_do(world.init, SYSCALL_TASK, 0, WORDS(TASK_RECEIVE, 0x1100, 0x4000, 0)) ==
                STATUS_OK,
            "init's receive entry");
}

int world_begin(void **state) {
    (void)state;
    world_begin_pages(WORLD_PAGES);
    return 0;
}

int world_end(void **state) {
    (void)state;
    invariants_check(&world.cpu);
    invariants_check_tables();
    ASAN_UNPOISON_MEMORY_REGION(machine.memory, machine.memory_size);
    machine_free();
    return 0;
}

void world_run(struct task *task) {
    if (machine.current == &task->context) {
        return;
    }
    if (task == world.init && task->state == TASK_WAITING) {
        world_line(WORLD_WAKE_LINE);
    }
    if (machine.current != &task->context) {
        trap_switch(&task->context);
    }
    check();
}

struct context *world_call(struct task *task, enum syscall number, uint64_t selector,
                           const uint64_t *words) {
    world_run(task);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        machine.regs.general[i] = words[i];
    }
    machine.regs.selector = selector;
    if (number == SYSCALL_CREATE) {
        invariants_open();
    }
    trap_syscall(number);
    check();
    return machine.current;
}

enum status world_do(struct task *task, enum syscall number, uint64_t selector,
                     const uint64_t *words) {
    struct context *next = world_call(task, number, selector, words);
    require(next == &task->context, "a call that returns at once did not");
    return (enum status)machine.regs.status;
}

uint64_t world_result(unsigned index) { return machine.regs.general[index]; }

struct context *world_reply(struct task *task, uint64_t flags, const uint64_t *words) {
    return world_call(task, SYSCALL_REPLY_WAIT, flags, words);
}

struct context *world_wait(struct task *task) {
    return world_call(task, SYSCALL_REPLY_WAIT, WAIT_ONLY, WORDS(0));
}

void world_sleep(void) {
    while (world.init->state != TASK_WAITING) {
        world_wait(world.init);
    }
}

void world_enter(struct vcpu *vcpu) {
    if (machine.current != &vcpu->context) {
        trap_switch(&vcpu->context);
        check();
    }
}

struct context *world_exit(struct vcpu *vcpu, enum exit_class c, const uint64_t *words) {
    world_enter(vcpu);
    trap_exit(c, words, 4);
    check();
    return machine.current;
}

struct context *world_hypercall(struct vcpu *vcpu, const uint64_t *words) {
    world_enter(vcpu);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        machine.regs.general[i] = words[i];
    }
    trap_hypercall();
    check();
    return machine.current;
}

struct context *world_fault(struct task *task, enum fault cause, uint64_t detail,
                            uint64_t address) {
    world_run(task);
    trap_fault(cause, detail, address);
    check();
    return machine.current;
}

struct context *world_time(uint64_t now) {
    while (machine.timer <= now) {
        if (machine.timer > machine.now) {
            machine.now = machine.timer;
        }
        trap_timer();
        check();
    }
    machine.now = now;
    return machine.current;
}

struct context *world_ticks(unsigned count) {
    return world_time(world.cpu.next_tick + (count - 1) * (uint64_t)ARCH_TICK);
}

struct context *world_line(unsigned line) {
    machine.line[line].asserted = true;
    trap_interrupt();
    check();
    return machine.current;
}

struct message world_message(void) {
    struct message message = {
        .info = machine.regs.status,
        .pc = machine.regs.selector,
        .seq = machine.regs.seq,
        .badge = machine.regs.badge,
    };
    memcpy(message.word, machine.regs.general, sizeof(message.word));
    return message;
}

unsigned world_slot(void) { return world.next_slot++; }

uint32_t world_page(uint32_t count, uint32_t align) {
    uint32_t first = (world.next_page + align - 1) / align * align;
    world.next_page = first + count;
    return first;
}

unsigned world_create(enum object_type type, uint32_t pages, uint64_t a4, uint64_t a5,
                      uint64_t a6) {
    unsigned slot = world_slot();
    uint32_t first = world_page(pages, type == OBJECT_SPACE ? ARCH_SPACE_ALIGN_PAGES : 1);
    enum status status = world_do(world.init, SYSCALL_CREATE, type,
                                  WORDS(INIT_SLOT_POOL, first, pages, slot, a4, a5, a6));
    require(status == STATUS_OK, status_name(status));
    return slot;
}

uint32_t world_index(unsigned slot) { return world.init->cap[slot].index; }

void *world_object(unsigned slot) { return pool_object(world_index(slot)); }

struct space *world_space(unsigned slot) { return space_at(world_index(slot)); }

static void init_bind(enum bind what, const uint64_t *words) {
    enum status status = world_do(world.init, SYSCALL_BIND, what, words);
    require(status == STATUS_OK, status_name(status));
}

void server_make_task(struct server *server) {
    server->space_slot = world_create(OBJECT_SPACE, 8, SPACE_TASK, 0, 0);
    server->task_slot = world_create(OBJECT_TASK, 1, server->space_slot, 0, 0);
    server->task = world_object(server->task_slot);
    server->space = world_space(server->space_slot);
}

void server_start(struct server *server) {
    enum status status = world_do(world.init, SYSCALL_TASK, server->task_slot,
                                  WORDS(TASK_START, 0x1000, 0x9000, 0x77, 5));
    require(status == STATUS_OK, status_name(status));
    status =
        world_do(server->task, SYSCALL_TASK, 0, WORDS(TASK_RECEIVE, WORLD_SERVER_PC, 0x9000, 0x78));
    require(status == STATUS_OK, status_name(status));
    world_wait(server->task);
}

void server_make(struct server *server, uint64_t deadline_ticks, uint64_t badge) {
    server->portal_slot = world_create(OBJECT_PORTAL, 1, deadline_ticks, 0, 0);
    server->portal = world_object(server->portal_slot);
    server_make_task(server);
    init_bind(BIND_PORTAL, WORDS(server->portal_slot, server->task_slot));
    init_bind(BIND_FAULT, WORDS(server->task_slot, world.init_portal, badge));
    server_start(server);
}

void server_restart(struct server *server, uint64_t badge) {
    uint64_t task = world_index(server->task_slot);
    uint64_t space = world_index(server->space_slot);
    struct task *init = world.init;
    require(world_do(init, SYSCALL_DESTROY, server->task_slot, WORDS(0)) == STATUS_OK, "destroy");
    require(world_do(init, SYSCALL_DESTROY, server->space_slot, WORDS(0)) == STATUS_OK, "destroy");
    require(world_do(init, SYSCALL_CREATE, OBJECT_SPACE,
                     WORDS(INIT_SLOT_POOL, space, 8, server->space_slot, SPACE_TASK)) == STATUS_OK,
            "create");
    require(world_do(init, SYSCALL_CREATE, OBJECT_TASK,
                     WORDS(INIT_SLOT_POOL, task, 1, server->task_slot, server->space_slot)) ==
                STATUS_OK,
            "create");
    init_bind(BIND_PORTAL, WORDS(server->portal_slot, server->task_slot));
    init_bind(BIND_FAULT, WORDS(server->task_slot, world.init_portal, badge));
    server_start(server);
}

void server_grant(const struct server *server, unsigned to, unsigned from, uint64_t rights,
                  uint64_t badge_or_offset, uint64_t size) {
    enum status status = world_do(world.init, SYSCALL_GRANT, server->task_slot,
                                  WORDS(to, from, rights, badge_or_offset, size));
    require(status == STATUS_OK, status_name(status));
}

void guest_route(const struct guest *guest, unsigned number, enum exit_class c,
                 unsigned portal_slot, uint64_t badge, uint64_t may, uint64_t write_mask,
                 uint64_t read_mask) {
    init_bind(BIND_ROUTE,
              WORDS(guest->vcpu_slot[number], c, portal_slot, badge, may, write_mask, read_mask));
}

void guest_make(struct guest *guest, const struct server *server, uint64_t badge) {
    guest_make_vcpus(guest, server, badge, GUEST_VCPUS);
}

void guest_make_vcpus(struct guest *guest, const struct server *server, uint64_t badge,
                      unsigned vcpus) {
    guest->space_slot = world_create(OBJECT_SPACE, 10, SPACE_GUEST, 0, 0);
    guest->space = world_space(guest->space_slot);
    for (unsigned i = 0; i < vcpus; i++) {
        guest->vcpu_slot[i] = world_create(OBJECT_VCPU, 1, guest->space_slot, i, 0);
        guest->vcpu[i] = world_object(guest->vcpu_slot[i]);
        for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
            guest_route(guest, i, (enum exit_class)c, server->portal_slot, badge, MAY_ALL, ~0u,
                        ~0u);
        }
    }
    enum status status = world_do(world.init, SYSCALL_VCPU, guest->vcpu_slot[0],
                                  WORDS(VCPU_START, WORLD_GUEST_PC, 100, 101));
    require(status == STATUS_OK, status_name(status));
}
