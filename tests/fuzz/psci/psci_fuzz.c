// Any calls of any vCPUs with any arguments, repeated, with servers that die in between. Every call
// gets an answer that the core takes; one that comes again gets the same answer and does nothing
// more; who is on is what the answers say; and a vCPU is started only where the guest's RAM is, and
// only one that is off.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/psci/psci.h"

static struct {
    const uint8_t *at, *end;
} input;

// What the answers say: which vCPUs of VM 0 are on, and that of the other VM.
static bool on[2][2];

static uint8_t next(void) { return input.at < input.end ? *input.at++ : 0; }

static uint64_t next_word(void) {
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        word = word << 8 | next();
    }
    return word;
}

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

// SMCCC's and PSCI's, both widths of them, and some that are neither.
static uint64_t next_function(void) {
    uint8_t which = next();
    if (which >= 0xf8) {
        return next_word();
    }
    if (which >= 0xe8) {
        return 0x80000000 | (which & 7);
    }
    uint64_t id = 0x84000000 | (which & 0x1f);
    return (which & 0x20 ? id | WIDE : id) | (which & 0x40 ? UINT64_MAX << 32 : 0);
}

// Numbers near those where something begins or ends.
static uint64_t next_argument(void) {
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     0x100,
                                     WORLD_RAM,
                                     WORLD_SECOND,
                                     WORLD_RAM + WORLD_RAM_SIZE,
                                     0x84000000,
                                     1u << 16,
                                     1u << 31,
                                     1ull << 32,
                                     1ull << 63,
                                     UINT64_MAX};
    uint8_t which = next();
    if (which >= 0xe0) {
        return next_word();
    }
    uint64_t near = which & 0x10 ? (uint64_t)(int64_t)(int8_t)next() : 0;
    return edges[which % (sizeof(edges) / sizeof(edges[0]))] + near;
}

// Serves RECORD by a new server, after others that die on it.
static struct reply serve(const struct message *record, unsigned deaths) {
    for (unsigned i = 1; i <= deaths; i++) {
        fakert_reset();
        world_config();
        fakert.kill_at = i;
        fakert_send(record);
        enum fakert_end end = fakert_run(sbi_server_main);
        require(end == FAKERT_KILLED || end == FAKERT_WAITING);
    }
    return world_serve(record);
}

static void check_start(const struct message *record, const struct reply *reply, unsigned vm) {
    require(reply->word[2] < (vm == 0 ? 2 : 1) && !on[vm][reply->word[2]]);
    require(reply->word[3] % 4 == 0 && vm == 0);
    require(reply->word[3] - WORLD_RAM < WORLD_RAM_SIZE);
    require((uint32_t)reply->word[4] == (uint32_t)record->word[3]);
    on[vm][reply->word[2]] = true;
}

static void check(const struct message *record, const struct reply *reply, unsigned vcpu) {
    unsigned vm = record->badge != 0;
    bool returns = reply->flags == REPLY_HYPERCALL || (reply->flags & REPLY_RESULT);
    require(returns || reply->flags == (REPLY_FLAGS | REPLY_STOP));
    if (returns) {
        require(reply->word[1] == record->word[1]);
    }
    if (reply->flags & REPLY_START) {
        check_start(record, reply, vm);
    }
    bool told = fakert_count(FAKERT_CALL) == 1;
    if (!returns && !told) {
        require((uint32_t)record->word[0] == CPU_OFF);
        on[vm][vcpu] = false;
    }
}

static void call(void) {
    uint8_t who = next();
    uint64_t vm = who & 1 ? WORLD_OTHER : 0;
    unsigned vcpu = vm == 0 ? who >> 1 & 1 : 0;
    if (!on[vm != 0][vcpu]) {
        return; // it does not run
    }
    uint64_t id = next_function();
    uint64_t x1 = next_argument(), x2 = next_argument(), x3 = next_argument();
    struct message record = psci_record(vm, vcpu, id, x1, x2, x3);
    struct reply reply = serve(&record, who >> 5 & 1 ? 3 : 0);
    check(&record, &reply, vcpu);
    struct reply again = serve(&record, 0);
    require(memcmp(&reply, &again, sizeof(reply)) == 0);
    // From the one that is on, or from nobody.
    for (unsigned i = 0; i < 2 && on[vm != 0][vcpu]; i++) {
        struct message ask = psci_record(vm, vcpu, AFFINITY_INFO | WIDE, i, 0, 0);
        bool there = vm == 0 || i == 0;
        require(world_serve(&ask).word[0] == (there ? !on[vm != 0][i] : (uint64_t)-2));
    }
}

static void other_record(void) {
    static const enum exit_class classes[] = {EXIT_SYSREG, EXIT_SHUTDOWN, EXIT_CALL, EXIT_SIGNAL};
    struct message record = fakert_record(classes[next() % 4], next() % 2 ? WORLD_OTHER : 0, 0, 1);
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        record.word[i] = next_word();
    }
    world_serve(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input.at = data;
    input.end = data + size;
    memset(on, 0, sizeof(on));
    on[0][0] = on[1][0] = true;
    world_begin(NULL);
    for (unsigned steps = 0; input.at < input.end && steps < 40; steps++) {
        if (next() % 8 == 0) {
            other_record();
        } else {
            call();
        }
    }
    return 0;
}
