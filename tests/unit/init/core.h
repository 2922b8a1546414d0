// The core as init sees it: it answers init's system calls and keeps what they make. Tasks run no
// code: a test says what each does next. Records are the real core's (kernel/object/), said again
// in few words.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libs/rt/rt.h"

#define CORE_SLOTS 800
#define CORE_TASKS 18
#define CORE_PORTALS 18
#define CORE_SPACES 24
#define CORE_VCPUS 8
#define CORE_CAPS 40
#define CORE_MAPS 48
#define CORE_QUEUE 10
#define CORE_LINES 64
#define CORE_NONE 0xff
#define CORE_NUMBER(array, element) ((uint8_t)((element) - (array)))

// A capability in init's table.
struct core_slot {
    uint8_t type;   // enum object_type
    uint8_t number; // among those of its type
    uint16_t first, pages;
};

struct core_record {
    uint8_t c;    // enum exit_class
    uint8_t task; // who calls, or has died; CORE_NONE: neither
    uint8_t attempt;
    uint64_t seq, badge;
    uint64_t word[MESSAGE_WORDS];
};

struct core_task {
    bool exists;
    bool serves;
    bool fault_bound;
    bool guest;
    uint8_t state;   // enum task_state
    uint8_t space;   // its number
    uint8_t portal;  // where it receives; CORE_NONE
    uint8_t leaving; // whose record it still serves, though another is bound there; CORE_NONE
    uint16_t slot;   // in init's table
    uint64_t fault_badge;
    uint64_t init_badge; // of its capability to init's portal
    bool calls_init;     // it has one
    uint64_t entry, argument, pc, a0, receive_pc;
    struct core_record serving;
    uint64_t reply[MESSAGE_WORDS]; // to its last call
};

struct core_portal {
    bool exists;
    bool signal_out; // its signal's record is queued, or being served
    uint8_t receiver, held;
    uint8_t count;
    uint32_t signals;      // since that was sent
    uint32_t signals_ever; // that init sent
    uint64_t ticks, pause;
    struct core_record queue[CORE_QUEUE];
};

struct core_vcpu {
    bool exists;
    uint8_t state; // enum vcpu_state
    bool traced;
    uint8_t route[EXIT_GUEST_CLASSES]; // the portal's number
    uint8_t route_badge;
    uint64_t count[EXIT_GUEST_CLASSES], spent[EXIT_GUEST_CLASSES];
};

// What a test can put back as it was.
struct core {
    struct core_slot slot[CORE_SLOTS];
    struct core_task task[CORE_TASKS];
    struct core_portal portal[CORE_PORTALS]; // 0 is init's
    struct core_vcpu vcpu[CORE_VCPUS];
    bool space[CORE_SPACES];
    bool ended;     // init has ended the machine,
    uint64_t end;   // with this
    uint64_t pause; // what each portal's next receiver is told
};

// What is only of interest at the moment when it is made.
struct core_cap {
    uint8_t type;
    uint16_t from; // init's slot
    uint64_t rights, badge, base, size;
};
struct core_map {
    uint64_t address, frame, offset, size, rights;
};

extern struct core core;
extern struct core_cap core_caps[CORE_TASKS][CORE_CAPS];
extern struct core_map core_maps[CORE_SPACES][CORE_MAPS];
extern char core_line[CORE_LINES][RT_LOG_LINE]; // what was logged, the last CORE_LINES
extern unsigned core_lines;
extern void (*core_started)(struct core_task *task); // whenever one is, if not NULL

extern void (*core_interrupts)(void); // before each call that tasks' deaths matter to, if not NULL

void core_reset(void);

// The task, the portal in init's SLOT; NULL: there is none.
struct core_task *core_task_at(unsigned slot);
struct core_portal *core_portal_at(unsigned slot);
struct core_vcpu *core_vcpu_at(unsigned slot);

// What a task does. It calls init (it must be ready); it waits, its record being answered.
void core_task_calls(struct core_task *task, const uint64_t word[MESSAGE_WORDS]);
void core_task_waits(struct core_task *task);
void core_task_dies(struct core_task *task, uint64_t cause, uint64_t pc, uint64_t address);

void core_task_ends(struct core_task *task); // without a word to init

// Whoever receives there takes the next record if it waits for one.
void core_deliver(struct core_portal *portal);

// A record arrives at the portal in init's SLOT.
void core_send(unsigned slot, const struct core_record *record);

// init takes its next record, if there is one, and does what it says. False: there was none, or the
// machine has ended.
bool core_turn(void);
void core_turns(void); // as long as there are some

// Runs BODY as init does; false: it ended the machine.
bool core_run(void (*body)(void *argument), void *argument);

// CREATE, DESTROY and GRANT.
enum status core_create_object(uint64_t type, const struct rt_words *words);
enum status core_destroy_object(uint64_t number);
enum status core_give(struct core_task *task, const struct rt_words *words);

// init ends the machine.
_Noreturn void core_end(uint64_t status);

// The last line logged that holds TEXT; NULL: none does.
const char *core_find_line(const char *text);
