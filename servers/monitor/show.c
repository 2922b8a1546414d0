// Tables of what there is: servers, guests, exits.
#include <stdio.h>
#include <string.h>

#include "ipc/init.h"
#include "ipc/syscall.h"
#include "servers/monitor/monitor.h"

#define VMS_MAX 8u

static const char *task_state(const struct monitor_server *server, bool is_init) {
    static const char *const names[] = {"new", "ready", "waiting", "calling", "dead"};
    if (!is_init && server->serves == 0)
        return "starting";
    return server->state < sizeof(names) / sizeof(names[0]) ? names[server->state] : "?";
}

static const char *vm_state(uint32_t state) {
    static const char *const names[] = {"loading", "running", "ended", "failed"};
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

static const char *vcpu_state(uint32_t state) {
    static const char *const names[] = {"off", "runs", "exited", "parked"};
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

// What was not measured yet is no zero.
static const char *pause_text(char buffer[static REPORT_NUMBER], uint64_t pause) {
    return pause == 0 ? "-" : report_number(buffer, pause);
}

static int name_width(const struct monitor *monitor) {
    size_t width = 4;
    for (unsigned i = 0; i < monitor->server_count; i++) {
        size_t length = strlen(monitor->server[i].name);
        width = length > width ? length : width;
    }
    return (int)width;
}

void show_ps(struct monitor *monitor, enum monitor_origin origin, unsigned count,
             char *const *word) {
    (void)count, (void)word;
    struct report *report = &monitor->report[origin];
    if (!look_servers(monitor, report))
        return;
    int width = name_width(monitor);
    report_line(report, "%-*s  %-8s  %8s  %8s  %10s  %13s  %13s", width, "NAME", "STATE",
                "RESTARTS", "REPLACED", "MEMORY KiB", "RESTART PAUSE", "REPLACE PAUSE");
    for (unsigned i = 0; i < monitor->server_count; i++) {
        const struct monitor_server *server = &monitor->server[i];
        char restart[REPORT_NUMBER], replace[REPORT_NUMBER];
        report_line(
            report, "%-*s  %-8s  %8s  %8s  %10s  %13s  %13s", width, server->name,
            task_state(server, i + 1 == monitor->server_count), REPORT_GROUPED(server->restarts),
            REPORT_GROUPED(server->replacements), REPORT_GROUPED(server->memory >> 10),
            pause_text(restart, server->pause_restart), pause_text(replace, server->pause_replace));
    }
}

// The guests, copied; returns how many there are.
static unsigned look_vms(const struct monitor *monitor, struct monitor_vm *vm,
                         struct report *report) {
    unsigned count;
    enum status status = look(monitor, MONITOR_VMS, 0, sizeof(*vm), &count);
    if (status != STATUS_OK)
        report_fail(report, "init does not tell of its guests: %s", status_text(status));
    count = count < VMS_MAX ? count : VMS_MAX;
    for (unsigned i = 0; i < count; i++) {
        look_entry(monitor, i, &vm[i], sizeof(*vm));
        vm[i].name[sizeof(vm[i].name) - 1] = '\0';
    }
    return count;
}

void show_vm(struct monitor *monitor, enum monitor_origin origin, unsigned count,
             char *const *word) {
    (void)count, (void)word;
    struct report *report = &monitor->report[origin];
    struct monitor_vm vm[VMS_MAX];
    unsigned vms = look_vms(monitor, vm, report), vcpus;
    if (report->error[0] != '\0')
        return;
    report_line(report, "%-23s  %3s  %-8s  %5s  %10s", "NAME", "ID", "STATE", "VCPUS",
                "MEMORY KiB");
    for (unsigned i = 0; i < vms; i++)
        report_line(report, "%-23s  %3u  %-8s  %5u  %10s", vm[i].name, vm[i].id,
                    vm_state(vm[i].state), vm[i].vcpus, REPORT_GROUPED(vm[i].memory >> 10));
    if (look(monitor, MONITOR_VCPUS, 0, sizeof(struct monitor_vcpu), &vcpus) != STATUS_OK)
        return;
    report_line(report, "%-23s  %4s  %-8s  %18s  %14s", "", "VCPU", "STATE", "PC", "EXITS");
    for (unsigned i = 0; i < vcpus; i++) {
        struct monitor_vcpu vcpu;
        look_entry(monitor, i, &vcpu, sizeof(vcpu));
        report_line(report, "%-23s  %4u  %-8s  0x%016llx  %14s",
                    vcpu.vm < vms ? vm[vcpu.vm].name : "?", vcpu.number, vcpu_state(vcpu.state),
                    (unsigned long long)vcpu.pc, REPORT_GROUPED(vcpu.exits));
    }
}

// Of all CPUs of one guest.
struct sums {
    uint64_t count[EXIT_GUEST_CLASSES], traced[EXIT_GUEST_CLASSES], spent[EXIT_GUEST_CLASSES];
};

static void add_up(const struct monitor *monitor, struct sums *sums, unsigned vms,
                   bool *is_traced) {
    unsigned vcpus;
    memset(sums, 0, vms * sizeof(*sums));
    if (look(monitor, MONITOR_VCPUS, 0, sizeof(struct monitor_vcpu), &vcpus) != STATUS_OK)
        return;
    for (unsigned i = 0; i < vcpus; i++) {
        struct monitor_vcpu vcpu;
        look_entry(monitor, i, &vcpu, sizeof(vcpu));
        for (unsigned c = 0; vcpu.vm < vms && c < EXIT_GUEST_CLASSES; c++) {
            sums[vcpu.vm].count[c] += vcpu.count[c];
            sums[vcpu.vm].traced[c] += vcpu.traced_count[c];
            sums[vcpu.vm].spent[c] += vcpu.instructions[c];
        }
        *is_traced |= vcpu.traced != 0;
    }
}

static void list_exits(struct monitor *monitor, struct report *report) {
    struct monitor_vm vm[VMS_MAX];
    struct sums sums[VMS_MAX];
    bool is_traced = false;
    unsigned vms = look_vms(monitor, vm, report);
    if (report->error[0] != '\0' || !look_servers(monitor, report))
        return;
    add_up(monitor, sums, vms, &is_traced);
    int width = name_width(monitor);
    report_line(report, "%-10s  %-9s  %-*s  %13s  %12s  %14s  %6s", "VM", "CLASS", width, "SERVER",
                "EXITS", "COUNTED", "INSTRUCTIONS", "EACH");
    for (unsigned i = 0; i < vms; i++) {
        for (unsigned c = 0; c < EXIT_GUEST_CLASSES; c++) {
            unsigned server = vm[i].server[c];
            if (server >= monitor->server_count)
                continue;
            uint64_t traced = sums[i].traced[c], spent = sums[i].spent[c];
            report_line(report, "%-10s  %-9s  %-*s  %13s  %12s  %14s  %6s", vm[i].name,
                        exit_class_name(c), width, monitor->server[server].name,
                        REPORT_GROUPED(sums[i].count[c]), REPORT_GROUPED(traced),
                        REPORT_GROUPED(spent), traced == 0 ? "-" : REPORT_GROUPED(spent / traced));
        }
    }
    if (!is_traced)
        report_line(report, "(instructions are not being counted: `exits on`)");
}

void show_exits(struct monitor *monitor, enum monitor_origin origin, unsigned count,
                char *const *word) {
    struct report *report = &monitor->report[origin];
    if (count == 1) {
        list_exits(monitor, report);
        return;
    }
    bool on = strcmp(word[1], "on") == 0;
    if (!on && strcmp(word[1], "off") != 0) {
        report_fail(report, "write: exits, exits on, or exits off");
        return;
    }
    struct rt_words words = {.word = {INIT_TRACE, on}};
    enum status status = rt_call(monitor->init, &words);
    if (status == STATUS_OK)
        status = (enum status)words.word[0];
    if (status != STATUS_OK)
        report_fail(report, "init does not do that: %s", status_text(status));
    else
        report_line(report,
                    on ? "instructions are counted from now on; exits take the long way meanwhile"
                       : "instructions are not counted any more");
}
