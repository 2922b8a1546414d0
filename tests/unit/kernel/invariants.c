#include "tests/unit/kernel/invariants.h"

#include <sanitizer/asan_interface.h>
#include <string.h>

#include "arch/fake/core/machine.h"
#include "arch/panic.h"
#include "arch/space.h"
#include "kernel/object/irq.h"
#include "kernel/object/pool.h"
#include "kernel/object/portal.h"
#include "kernel/object/space.h"
#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"
#include "tests/unit/kernel/world.h"

#define PAGES_MAX 4096

#define require(condition, message) machine_require(condition, message)

// How often each object is referred to, by its first page: counted anew in each check.
static struct {
    uint32_t users; // space
} counted[PAGES_MAX];

static const struct cpu *the_cpu;

static enum object_type object_type_at(const void *object) {
    uint64_t offset = (uint64_t)((const char *)object - pool.base);
    require(offset / PAGE_SIZE < pool.count, "a pointer leads out of the object memory");
    uint32_t page = (uint32_t)(offset / PAGE_SIZE);
    return pool.page[page].pages ? (enum object_type)pool.page[page].type : OBJECT_NONE;
}

static void check_pool(void) {
    require(pool.count <= PAGES_MAX, "too much object memory for this test");
    for (uint32_t i = 0; i < pool.count;) {
        const struct pool_page *page = &pool.page[i];
        if (page->type == OBJECT_NONE || page->type == OBJECT_POOL) {
            require(page->pages == 0, "a page that is no object's has pages");
            i++;
            continue;
        }
        require(page->pages > 0, "an object's page belongs to no object");
        require(range_within(i, page->pages, pool.count), "an object leaves the object memory");
        for (uint32_t j = 1; j < page->pages; j++) {
            require(pool.page[i + j].type == page->type && pool.page[i + j].pages == 0,
                    "two objects share a page");
        }
        i += page->pages;
    }
}

static unsigned times_queued(const struct portal *portal, const struct record *record) {
    unsigned times = 0;
    unsigned length = 0;
    for (const struct record *r = portal->head; r; r = r->next) {
        require(++length <= 4 * pool.count, "a portal's queue has no end");
        times += r == record;
    }
    return times;
}

static void check_record(const struct record *record) {
    if (!record->portal) {
        require(!record->server, "a record is served that is not pending");
        require(!record->next, "a record is queued that is not pending");
        return;
    }
    require(object_type_at(record->portal) == OBJECT_PORTAL, "a record is pending at no portal");
    unsigned queued = times_queued(record->portal, record);
    if (record->server) {
        require(queued == 0, "a record is queued and served");
        require(object_type_at(record->server) == OBJECT_TASK, "a record is served by no task");
        require(record->server->serving == record, "a record's server does not know of it");
    } else {
        require(queued == 1, "a pending record is not queued once");
        require(!record->portal->waiting, "a record is queued though its server waits");
    }
}

static bool record_alive(const struct record *record) {
    switch ((enum record_owner)record->owner) {
    case RECORD_VCPU:
        return object_type_at(container_of(record, struct vcpu, record)) == OBJECT_VCPU;
    case RECORD_CALL:
        return object_type_at(container_of(record, struct task, call)) == OBJECT_TASK;
    case RECORD_FAULT:
        return object_type_at(container_of(record, struct task, fault)) == OBJECT_TASK;
    case RECORD_SIGNAL:
        return object_type_at(container_of(record, struct portal, signal)) == OBJECT_PORTAL;
    case RECORD_IRQ:
        return object_type_at(container_of(record, struct irq, record)) == OBJECT_IRQ;
    }
    return false;
}

static void check_queue(const struct run_queue *queue, enum context_kind kind) {
    const struct context *before = NULL;
    unsigned length = 0;
    for (const struct context *c = queue->head; c; before = c, c = c->next) {
        require(++length <= pool.count, "a run queue has no end");
        require(c->queued == (kind == CONTEXT_TASK ? QUEUED_TASKS : QUEUED_VCPUS) &&
                    (c->kind == kind || kind == CONTEXT_VCPU),
                "a run queue holds what does not belong there");
        require(c->prev == before, "a run queue's links contradict each other");
        require(object_type_at(c) == (c->kind == CONTEXT_TASK ? OBJECT_TASK : OBJECT_VCPU),
                "a run queue holds what is gone");
        require(c != machine.current, "what runs stands in a run queue");
    }
    require(queue->tail == before, "a run queue's end is not its last");
}

static bool is_in_queue(const struct context *context) {
    const struct run_queue *queue =
        context->queued == QUEUED_TASKS ? &the_cpu->tasks : &the_cpu->vcpus;
    for (const struct context *c = queue->head; c; c = c->next) {
        if (c == context) {
            return true;
        }
    }
    return false;
}

// The server of a hypercall that went the shortest way: nothing of that is written down yet.
static bool is_fast_server(const struct task *task) {
    return the_cpu->fast && the_cpu->fast->fast_portal->waiting == task;
}

static void check_task(const struct task *task) {
    check_record(&task->call);
    check_record(&task->fault);
    require(is_in_queue(&task->context) == (task->context.queued != QUEUED_NOT),
            "a task is queued or is not");
    require(!task->arriving, "a record that was to arrive at once did not");
    require(!task->context.quick, "a task's quick return was left behind");
    bool running = machine.current == &task->context;
    if (is_fast_server(task)) {
        require(running && task->state == TASK_WAITING && !task->serving, "a fast server is wrong");
        running = false;
    }
    bool ready = task->state == TASK_READY;
    require(ready == (running || task->context.queued), "a task that is ready is not to run");
    require((task->state == TASK_CALLING) == (task->call.portal != NULL),
            "a task calls and its call is not pending, or the other way round");
    require(!task->exit ||
                (task->serving == &task->exit->record && task->portal &&
                 task->exit->taken == &task->exit->route[MESSAGE_CLASS(task->exit->record.info)]),
            "the short way back leads elsewhere");
    require(!task->serving || ready || task->state == TASK_CALLING,
            "a task that is not alive serves something");
    if (task->serving) {
        require(record_alive(task->serving), "a task serves a record that is gone");
        require(task->serving->server == task, "a task serves a record that is not its own");
        require(task->serving->portal == (task->leaving ? task->leaving : task->portal),
                "a task serves a record of a portal that it has nothing to do with");
    }
    if (task->leaving) {
        require(object_type_at(task->leaving) == OBJECT_PORTAL, "a task leaves what is no portal");
        require(task->leaving->held == task, "a task leaves a portal that does not know of it");
        require(!task->portal, "a task leaves its portal and receives");
        require(ready || task->state == TASK_CALLING, "a task that is done is still leaving");
    }
    require(object_type_at((const char *)task->space - ARCH_SPACE_ROOT_PAGES * PAGE_SIZE) ==
                OBJECT_SPACE,
            "a task's space is gone");
    counted[pool_index(task->space) - ARCH_SPACE_ROOT_PAGES].users++;
    if (task->portal) {
        require(object_type_at(task->portal) == OBJECT_PORTAL, "a task receives at no portal");
        require(task->portal->receiver == task, "a task's portal does not know of it");
        require(task->state != TASK_DEAD, "a dead task receives");
        bool waits = task->state == TASK_WAITING && !task->portal->held;
        require(waits == (task->portal->waiting == task),
                "a task waits and its portal does not know, or the other way round");
        require(!task->portal->held || !task->serving, "a task serves before it is let in");
    }
    if (task->fault_route.portal) {
        require(object_type_at(task->fault_route.portal) == OBJECT_PORTAL, "a fault route is gone");
    }
}

static void check_vcpu(const struct vcpu *vcpu) {
    check_record(&vcpu->record);
    require(is_in_queue(&vcpu->context) == (vcpu->context.queued != QUEUED_NOT),
            "a vCPU is queued or is not");
    bool running = machine.current == &vcpu->context || the_cpu->fast == vcpu;
    // A parked one is queued for the exit that is due, and no other way.
    bool ready = vcpu->state == VCPU_RUNNABLE || (vcpu->state == VCPU_PARKED && vcpu->due);
    require(ready == (running || vcpu->context.queued), "a vCPU that can run is not to run");
    require(vcpu->state != VCPU_PARKED || !running, "a vCPU runs that is parked");
    require((vcpu->state == VCPU_EXITED) == (vcpu->record.portal != NULL),
            "a vCPU has exited and its record is not pending, or the other way round");
    require(!(vcpu->due & DUE_TURN) || vcpu->state == VCPU_EXITED, "a turn ended that is still on");
    require(!vcpu->preempted || vcpu->context.queued, "what is preempted does not run");
    const struct arch_vcpu *guest = the_cpu->loaded == vcpu ? &machine.guest : &vcpu->arch;
    require(vcpu->state != VCPU_PARKED || !(guest->pending & guest->enabled),
            "a vCPU is parked though an interrupt is pending");
    require(vcpu->deadline >= the_cpu->next_event, "the timer is set behind a vCPU's deadline");
    require(vcpu->state != VCPU_PARKED || vcpu->wake >= the_cpu->next_event,
            "the timer is set behind a parked vCPU's own");
    require(vcpu->space->vcpu[vcpu->number] == vcpu, "a vCPU's space does not know of it");
    counted[pool_index(vcpu->space) - ARCH_SPACE_ROOT_PAGES].users++;
    unsigned times = 0;
    for (const struct vcpu *v = the_cpu->home; v; v = v->next_home) {
        times += v == vcpu;
    }
    require(times == 1, "a vCPU has not one home");
    uint64_t sum = 0;
    for (unsigned i = 0; i < EXIT_GUEST_CLASSES; i++) {
        sum += vcpu_count(vcpu, (enum exit_class)i);
        if (vcpu->route[i].portal) {
            require(object_type_at(vcpu->route[i].portal) == OBJECT_PORTAL, "a route is gone");
        }
    }
    require(sum == vcpu->record.seq, "the exits by class are not all exits");
    require(!vcpu->fast_portal || vcpu->fast_portal == vcpu->route[EXIT_HYPERCALL].portal,
            "the shortest way leads elsewhere than the route");
}

static void check_portal(const struct portal *portal) {
    check_record(&portal->signal);
    require(!portal->signals || portal->signal.portal, "signals that nobody will hear of");
    require(!portal->head == !portal->tail, "a portal's queue has one end");
    const struct record *last = NULL;
    for (const struct record *r = portal->head; r; last = r, r = r->next) {
        require(record_alive(r), "a portal's queue holds what is gone");
        require(r->portal == portal && !r->server, "a queued record is elsewhere, too");
    }
    require(portal->tail == last, "a portal's queue ends elsewhere");
    if (portal->receiver) {
        require(object_type_at(portal->receiver) == OBJECT_TASK, "a portal's task is gone");
        require(portal->receiver->portal == portal, "a portal's task does not know of it");
    }
    require(!portal->waiting || portal->waiting == portal->receiver,
            "a stranger waits at a portal");
    if (portal->held) {
        require(object_type_at(portal->held) == OBJECT_TASK, "who holds a portal is gone");
        require(portal->held->leaving == portal, "who holds a portal does not know of it");
        require(portal->held != portal->receiver, "a portal is held against its own task");
        require(!portal->waiting, "a record would reach a portal that is held");
    }
}

static void check_irq(const struct irq *irq) {
    check_record(&irq->record);
    require(the_cpu->irq[irq->line] == irq, "a line does not know its object");
    if (irq->route) {
        require(object_type_at(irq->route) == OBJECT_PORTAL, "a line's route is gone");
    }
}

static void check_object(uint32_t page) {
    const void *object = pool_object(page);
    switch (pool.page[page].type) {
    case OBJECT_TASK:
        check_task(object);
        break;
    case OBJECT_VCPU:
        check_vcpu(object);
        break;
    case OBJECT_PORTAL:
        check_portal(object);
        break;
    case OBJECT_IRQ:
        check_irq(object);
        break;
    default:
        break;
    }
}

static void check_counts(uint32_t page) {
    if (pool.page[page].type == OBJECT_SPACE) {
        require(space_at(page)->users == counted[page].users, "a space's users are wrong");
    }
}

void invariants_check(const struct cpu *cpu) {
    the_cpu = cpu;
    check_pool();
    memset(counted, 0, pool.count * sizeof(counted[0]));
    check_queue(&cpu->tasks, CONTEXT_TASK);
    check_queue(&cpu->vcpus, CONTEXT_VCPU);
    for (const struct vcpu *v = cpu->home; v; v = v->next_home) {
        require(object_type_at(v) == OBJECT_VCPU, "a vCPU is at home that is gone");
    }
    for (unsigned i = 0; i < IRQ_LINES; i++) {
        require(!cpu->irq[i] || object_type_at(cpu->irq[i]) == OBJECT_IRQ,
                "a line's object is gone");
    }
    for (uint32_t i = 0; i < pool.count; i++) {
        if (pool.page[i].pages) {
            check_object(i);
        }
    }
    for (uint32_t i = 0; i < pool.count; i++) {
        if (pool.page[i].pages) {
            check_counts(i);
        }
    }
    require(cpu->alone == (cpu->home && !cpu->home->next_home ? cpu->home : NULL),
            "who lives alone does not, or the other way round");
    require(machine.timer == cpu->next_event, "the timer is not set to the next event");
    require(cpu->next_event <= cpu->next_tick, "the timer is set behind the next tick");
    require(!cpu->loaded || object_type_at(cpu->loaded) == OBJECT_VCPU,
            "a vCPU is loaded that is gone");
    require(!cpu->fp || object_type_at(cpu->fp) != OBJECT_NONE, "registers of one that is gone");
}

// Counts in SEEN how often each page serves as a table.
static uint8_t seen[PAGES_MAX];

static void check_table(uint32_t page, const uint64_t *entry, unsigned level, unsigned entries) {
    const uint32_t first = page + ARCH_SPACE_ROOT_PAGES + 1;
    const uint64_t objects = arch_virt_to_phys(pool.base).v;
    for (unsigned i = 0; i < entries; i++) {
        if (!arch_pte_present(entry[i])) {
            require(entry[i] == 0, "an entry is neither there nor empty");
            continue;
        }
        uint64_t target = arch_pte_target(entry[i]).v;
        if (arch_pte_leaf(entry[i], level)) {
            uint64_t size = PAGE_SIZE << 9 * level;
            require((target & (size - 1)) == 0, "a mapping is not aligned");
            require(target + size <= MACHINE_MEMORY_BASE ||
                        target >= objects + pool.count * PAGE_SIZE ||
                        (level == 0 && target >= MACHINE_MEMORY_BASE + WORLD_CORE_BYTES &&
                         target < objects),
                    "the core's memory is mapped");
            continue;
        }
        require(level > 0, "a table below the last level");
        const uint64_t *table = arch_phys_to_virt(arch_pte_target(entry[i]));
        uint32_t index = pool_index(table);
        require(index >= first && index < page + pool.page[page].pages,
                "a space's table is not in its own pages");
        require(!seen[index]++, "a table is used twice");
        check_table(page, table, level - 1, 512);
    }
}

void invariants_check_tables(void) {
    memset(seen, 0, sizeof(seen));
    for (uint32_t i = 0; i < pool.count; i++) {
        if (pool.page[i].pages && pool.page[i].type == OBJECT_SPACE) {
            const struct space *space = space_at(i);
            unsigned entries = space->kind == SPACE_GUEST ? 1024 : 512;
            check_table(i, space->root, 2, entries);
            uint32_t used = 0;
            for (uint32_t j = i; j < i + pool.page[i].pages; j++) {
                used += seen[j];
            }
            require(used + space->free + ARCH_SPACE_ROOT_PAGES + 1 == pool.page[i].pages,
                    "a space has lost a page");
        }
    }
}

void invariants_open(void) {
    ASAN_UNPOISON_MEMORY_REGION(pool.base, (size_t)pool.count * PAGE_SIZE);
}

void invariants_close(void) {
    for (uint32_t i = 0; i < pool.count; i++) {
        if (pool.page[i].type == OBJECT_NONE) {
            ASAN_POISON_MEMORY_REGION(pool.base + i * PAGE_SIZE, PAGE_SIZE);
        }
    }
}
