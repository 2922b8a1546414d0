#include "tests/recovery/guest/recovery.h"

#include <stdarg.h>
#include <stddef.h>

#include "guest/bare.h"
#include "tests/system/guests/check.h"

#define ROUNDS 4
#define LOG_SIZE 65536
#define PAGE 4096u
// From where the memory begins that is mapped on demand; the manifests say so.
#define DEMAND_OFFSET 0x400000u

volatile uint64_t noted[EVENTS];

static uint64_t sum = UINT64_C(0xcbf29ce484222325);
static uint8_t events[LOG_SIZE];
static uint64_t event_count;
static uint64_t demand_next, demand_end;

void mix(uint64_t value) { sum = (sum ^ value ^ sum >> 29) * UINT64_C(0x100000001b3); }

void note(enum event event) {
    events[event_count++ % LOG_SIZE] = (uint8_t)event;
    noted[event]++;
}

void line(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    print("@ ");
    print_list(text, arguments);
    print(";\n");
    va_end(arguments);
}

void touch_next(void) {
    if (demand_next >= demand_end)
        return;
    uint64_t *at = (uint64_t *)demand_next;
    mix(at[1]); // comes as zero
    at[0] = demand_next ^ sum;
    demand_next += PAGE;
}

static uint64_t number_wanted(const struct machine *machine, const char *name, uint64_t otherwise) {
    char text[16];
    uint64_t number = 0;
    if (!machine_bootarg(machine, name, text, sizeof(text)))
        return otherwise;
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    return number;
}

bool guest_main(uint64_t cpu, const void *device_tree) {
    (void)device_tree;
    const struct machine *machine = bare_machine();
    const uint64_t rounds = number_wanted(machine, "rounds", ROUNDS);
    const uint64_t input = number_wanted(machine, "input", 0);
    demand_next = machine->memory.base + DEMAND_OFFSET;
    demand_end = machine->memory.base + machine->memory.size;
    line("%lu rounds, CPU %lu of %u", rounds, cpu, machine->cpus);
    round_begin(machine);
    for (uint64_t round = 0; round < rounds; round++) {
        console_round(round, input != 0);
        calls_round(cpu);
        devices_round(round);
        touch_next();
        sleep_timer();
        touch_next();
        if (machine->cpus > 1)
            cpus_round(cpu, machine->cpu_id[machine->cpu_id[0] == cpu], round);
        line("%lu: %016lx", round, sum);
    }
    // What is typed comes when it comes, so it is only looked at when all of it has to be there.
    if (input != 0)
        line("typed: %s", typed_text(input));
    for (uint64_t i = 0; i < event_count && i < LOG_SIZE; i++)
        mix(events[i]);
    line("end: %016lx, %lu events", sum, event_count);
    return true;
}
