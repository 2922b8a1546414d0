// New versions of sbi-server that can't be: each fails in its own way, before or while it takes
// over. FAULT says how.
#include "servers/sbi-server/firmware.h"
#include "wrong.h"

enum fault { NEVER_READY, ENDS_AT_ONCE, FAULTS_AT_ONCE, HANGS, DIES, REFUSES, DIES_MIGRATED };

static const enum fault fault = FAULT;
struct firmware firmware_server;

static void trap(void) { wrong_instruction(); }

static _Noreturn void loop(void) {
    for (;;) {
        __asm__ volatile("");
    }
}

static enum status take_over(void *state) {
    const struct config_entry *region = rt_need("state");
    void *at = (void *)(uintptr_t)region->address;
    bool old = ((const struct state_header *)at)->version < FIRMWARE_STATE_VERSION;
    if (fault == HANGS) {
        loop();
    }
    if (fault == DIES) {
        trap();
    }
    if (fault == REFUSES) {
        return STATUS_CORRUPT;
    }
    enum status status = firmware_adopt(state, at, region->size);
    if (fault == DIES_MIGRATED && old) {
        trap(); // the next one finds the work done
    }
    if (status == STATUS_OK) {
        firmware_resume(state);
    }
    return status;
}

int main(void) {
    const char *wrong;
    if (fault == NEVER_READY) {
        loop();
    }
    if (fault == ENDS_AT_ONCE) {
        return 7;
    }
    if (fault == FAULTS_AT_ONCE) {
        trap();
    }
    if (firmware_configure(&firmware_server, rt_config, &wrong) != STATUS_OK) {
        rt_die("the config's entry `%.*s` can't be right", CONFIG_NAME, wrong);
    }
    rt_succeed(take_over, FIRMWARE_STATE_VERSION, firmware_serve, &firmware_server);
}
