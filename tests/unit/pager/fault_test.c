// Touches of memory: what there is gets mapped, by the largest pages that fit; all else ends the VM
// with a report that names what was nearest.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pager/world.h"

#define RWX (RIGHT_R | RIGHT_W | RIGHT_X)

static struct reply touch(uint64_t address, uint64_t access) {
    struct message record = world_fault(address, access);
    return world_serve(&record);
}

static void expect_mapping(struct reply reply, uint64_t page, unsigned slot, unsigned bits,
                           unsigned rights, uint64_t offset) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_MAP);
    assert_int_equal(reply.word[2], page);
    assert_int_equal(REPLY_MAPPING_SLOT(reply.word[3]), slot);
    assert_int_equal(REPLY_MAPPING_BITS(reply.word[3]), bits);
    assert_int_equal(REPLY_MAPPING_RIGHTS(reply.word[3]), rights);
    assert_int_equal(reply.word[5], offset);
    assert_int_equal(fakert.requests, 0);
}

static void test_maps_large_pages_where_they_fit(void **state) {
    (void)state;
    const uint64_t first = BIG_BASE + MIB; // the first 2 MiB boundary
    const uint64_t offsets[] = {0, 8, 0xfff, 0x1000, MIB, 2 * MIB - 1};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        expect_mapping(touch(first + offsets[i], ACCESS_READ), first, BIG_SLOT, 21, RWX, MIB);
        expect_mapping(touch(first + 2 * MIB + offsets[i], ACCESS_WRITE), first + 2 * MIB, BIG_SLOT,
                       21, RWX, 3 * MIB);
    }
}

static void test_maps_small_pages_at_the_edges(void **state) {
    (void)state;
    expect_mapping(touch(BIG_BASE, ACCESS_READ), BIG_BASE, BIG_SLOT, 12, RWX, 0);
    expect_mapping(touch(BIG_BASE + MIB - 1, ACCESS_READ), BIG_BASE + MIB - 0x1000, BIG_SLOT, 12,
                   RWX, MIB - 0x1000);
    expect_mapping(touch(BIG_BASE + 5 * MIB, ACCESS_EXECUTE), BIG_BASE + 5 * MIB, BIG_SLOT, 12, RWX,
                   5 * MIB);
    expect_mapping(touch(BIG_BASE + BIG_SIZE - 1, ACCESS_READ), BIG_BASE + BIG_SIZE - 0x1000,
                   BIG_SLOT, 12, RWX, BIG_SIZE - 0x1000);
}

static void test_maps_small_pages_where_the_manifest_says_so(void **state) {
    (void)state;
    expect_mapping(touch(SMALL_BASE + 0x1234, ACCESS_WRITE), SMALL_BASE + 0x1000, SMALL_SLOT, 12,
                   RWX, 0x1000);
    expect_mapping(touch(SMALL_BASE + SMALL_SIZE - 1, ACCESS_READ),
                   SMALL_BASE + SMALL_SIZE - 0x1000, SMALL_SLOT, 12, RWX, SMALL_SIZE - 0x1000);
}

static void test_maps_small_pages_where_host_and_guest_are_askew(void **state) {
    (void)state;
    expect_mapping(touch(ODD_BASE + 2 * MIB, ACCESS_READ), ODD_BASE + 2 * MIB, ODD_SLOT, 12, RWX,
                   2 * MIB);
}

static void test_maps_windows_with_their_rights(void **state) {
    (void)state;
    expect_mapping(touch(FLASH_BASE + 4, ACCESS_READ), FLASH_BASE, FLASH_SLOT, 21, RIGHT_R, 0);
    expect_mapping(touch(FLASH_BASE + FLASH_SIZE - 1, ACCESS_READ),
                   FLASH_BASE + FLASH_SIZE - 2 * MIB, FLASH_SLOT, 21, RIGHT_R,
                   FLASH_SIZE - 2 * MIB);
}

static void test_maps_for_the_guests_page_table_walks(void **state) {
    (void)state;
    for (uint64_t access = 0; access < 3; access++) {
        expect_mapping(touch(SMALL_BASE, ACCESS_WALK | access), SMALL_BASE, SMALL_SLOT, 12, RWX, 0);
    }
}

static void test_each_vm_has_its_own(void **state) {
    (void)state;
    struct message record = world_fault(OTHER_BASE, ACCESS_READ);
    record.badge = WORLD_OTHER;
    expect_mapping(world_serve(&record), OTHER_BASE, OTHER_SLOT, 12, RWX, 0);
}

// Many faults of two VMs, one server: what one left for the next does not show.
static void test_faults_here_and_there(void **state) {
    (void)state;
    static const struct {
        uint64_t vm, address;
        unsigned slot;
    } faults[] = {
        {WORLD_VM, SMALL_BASE, SMALL_SLOT},    {WORLD_OTHER, OTHER_BASE, OTHER_SLOT},
        {WORLD_VM, FLASH_BASE, FLASH_SLOT},    {WORLD_VM, SMALL_BASE, SMALL_SLOT},
        {WORLD_OTHER, OTHER_BASE, OTHER_SLOT}, {WORLD_VM, BIG_BASE, BIG_SLOT},
        {WORLD_VM, ODD_BASE, ODD_SLOT},        {WORLD_VM, ODD_BASE, ODD_SLOT},
    };
    const unsigned count = sizeof(faults) / sizeof(faults[0]);
    for (unsigned i = 0; i < count; i++) {
        struct message record = world_fault(faults[i].address, ACCESS_READ);
        record.badge = faults[i].vm;
        fakert_send(&record);
    }
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    assert_int_equal(fakert.answered, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(REPLY_MAPPING_SLOT(fakert.answer[i].word[3]), faults[i].slot);
    }
}

static void expect_report(struct reply reply, enum report_cause cause, uint64_t address,
                          uint64_t detail, uint64_t nearest, uint64_t size) {
    assert_int_equal(reply.flags, REPLY_FLAGS | REPLY_STOP);
    const struct fakert_request *call = fakert_find(FAKERT_CALL, 0);
    assert_non_null(call);
    assert_int_equal(call->slot, WORLD_INIT);
    assert_int_equal(call->answered, 0); // init hears of it before the vCPU stops
    const uint64_t expected[MESSAGE_WORDS] = {INIT_VM_REPORT, WORLD_VM,   cause,   address,
                                              detail,         0x80200000, nearest, size};
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        assert_int_equal(call->word[i], expected[i]);
    }
}

static void test_reports_what_is_not_there(void **state) {
    (void)state;
    static const struct {
        uint64_t address, nearest, size;
    } outside[] = {
        {0, RTC_BASE, RTC_SIZE},
        {RTC_BASE - 1, RTC_BASE, RTC_SIZE},
        {RTC_BASE + RTC_SIZE, RTC_BASE, RTC_SIZE},
        {FLASH_BASE - 1, FLASH_BASE, FLASH_SIZE},
        {FLASH_BASE + FLASH_SIZE, FLASH_BASE, FLASH_SIZE},
        {BIG_BASE - 1, BIG_BASE, BIG_SIZE},
        {BIG_BASE + BIG_SIZE, BIG_BASE, BIG_SIZE},
        {ODD_BASE + ODD_SIZE, ODD_BASE, ODD_SIZE},
        {1ull << 40, ODD_BASE, ODD_SIZE},
        {UINT64_MAX, ODD_BASE, ODD_SIZE},
    };
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        expect_report(touch(outside[i].address, ACCESS_WRITE), REPORT_UNMAPPED, outside[i].address,
                      ACCESS_WRITE, outside[i].nearest, outside[i].size);
    }
}

static void test_reports_what_is_not_allowed(void **state) {
    (void)state;
    const uint64_t accesses[] = {ACCESS_WRITE, ACCESS_EXECUTE, ACCESS_WALK | ACCESS_READ,
                                 ACCESS_WALK | ACCESS_WRITE};
    for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        expect_report(touch(FLASH_BASE, accesses[i]), REPORT_DENIED, FLASH_BASE, accesses[i],
                      FLASH_BASE, FLASH_SIZE);
    }
    const uint64_t of_device[] = {ACCESS_EXECUTE, ACCESS_WALK | ACCESS_READ, 3, 7};
    for (size_t i = 0; i < sizeof(of_device) / sizeof(of_device[0]); i++) {
        expect_report(touch(RTC_BASE, of_device[i]), REPORT_DENIED, RTC_BASE, of_device[i],
                      RTC_BASE, RTC_SIZE);
    }
    assert_int_equal(fakert_count(FAKERT_FETCH), 0);
}

static void test_a_vm_with_nothing_is_told_so(void **state) {
    (void)state;
    fakert_reset();
    fakert_entry("init", CONFIG_CAP)->slot = WORLD_INIT;
    struct config_entry *region = fakert_entry("state", CONFIG_WINDOW);
    region->address = (uint64_t)(uintptr_t)world_state;
    region->size = 4096;
    fakert_entry("vcpu-9", CONFIG_CAP)->slot = WORLD_VCPU;
    struct message record = world_fault(0x1000, ACCESS_READ);
    fakert_send(&record);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
    expect_report(fakert.answer[0], REPORT_UNMAPPED, 0x1000, ACCESS_READ, 0, 0);
}

static struct message refusal_of(const struct message *record, enum status status) {
    struct message refusal = *record;
    memset(refusal.word, 0, sizeof(refusal.word));
    refusal.info = MESSAGE_INFO(EXIT_REFUSED, 0, 1);
    refusal.word[0] = status;
    return refusal;
}

static void test_a_mapping_that_the_core_refuses_is_reported(void **state) {
    (void)state;
    // After the long way, and after the shortest.
    for (unsigned before = 0; before < 2; before++) {
        struct message record = world_fault(SMALL_BASE + 0x5008, ACCESS_READ);
        struct message refusal = refusal_of(&record, STATUS_NO_MEMORY);
        world_begin(NULL);
        for (unsigned i = 0; i <= before; i++) {
            fakert_send(&record);
        }
        fakert_send(&refusal);
        assert_int_equal(fakert_run(npf_pager_main), FAKERT_WAITING);
        const struct fakert_request *call = fakert_find(FAKERT_CALL, 0);
        const uint64_t expected[MESSAGE_WORDS] = {
            INIT_VM_REPORT,   WORLD_VM,   REPORT_NO_MEMORY, SMALL_BASE + 0x5008,
            STATUS_NO_MEMORY, 0x80200000, SMALL_BASE,       SMALL_SIZE};
        assert_memory_equal(call->word, expected, sizeof(expected));
        assert_int_equal(fakert.answer[before + 1].flags, REPLY_FLAGS | REPLY_STOP);
    }
}

static void test_any_other_refusal_ends_the_server(void **state) {
    (void)state;
    struct message record = world_fault(SMALL_BASE, ACCESS_READ);
    struct message other = world_fault(SMALL_BASE, ACCESS_READ);
    struct message refusal = refusal_of(&other, STATUS_DENIED);
    fakert_send(&record);
    fakert_send(&refusal);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_DIED);
    assert_non_null(strstr(fakert.text, status_text(STATUS_DENIED)));
    // The answer to a report, refused as well.
    refusal = refusal_of(&record, STATUS_DENIED);
    world_begin(NULL);
    fakert_send(&record);
    fakert_send(&refusal);
    fakert_send(&refusal);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_DIED);
    assert_int_equal(fakert.answered, 2);
}

static void test_a_cpu_that_cannot_go_on_is_reported(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_SHUTDOWN, WORLD_VM, 0, 1);
    record.word[0] = 12;
    record.word[1] = 0x4000;
    expect_report(world_serve(&record), REPORT_CPU, 12, 0x4000, 0, 0);
}

static void test_records_that_are_no_exits_are_answered(void **state) {
    (void)state;
    struct message record = fakert_record(EXIT_CALL, 1000, 0, 0);
    assert_int_equal(world_serve(&record).word[0], STATUS_UNSUPPORTED);
    record = fakert_record(EXIT_SIGNAL, 1000, 0, 0);
    assert_int_equal(world_serve(&record).flags, 0);
}

static void expect_death(const struct message *record, const char *named) {
    world_begin(NULL);
    fakert_send(record);
    assert_int_equal(fakert_run(npf_pager_main), FAKERT_DIED);
    assert_int_equal(fakert.answered, 0);
    assert_non_null(strstr(fakert.text, named));
}

static void test_exits_that_are_not_its_own_end_the_server(void **state) {
    (void)state;
    const enum exit_class classes[] = {EXIT_HYPERCALL, EXIT_TIMER, EXIT_IDLE,
                                       EXIT_SYSREG,    EXIT_IO,    EXIT_IRQ};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        struct message record = fakert_record(classes[i], WORLD_VM, 0, 1);
        expect_death(&record, exit_class_name(classes[i]));
    }
    const uint64_t vms[] = {0, 3, 255, 256, 256 + WORLD_VM, UINT64_MAX};
    for (size_t i = 0; i < sizeof(vms) / sizeof(vms[0]); i++) {
        struct message record = world_fault(SMALL_BASE, ACCESS_READ);
        record.badge = vms[i];
        expect_death(&record, "not in the config");
    }
}

#define TEST(name) cmocka_unit_test_setup(test_##name, world_begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(maps_large_pages_where_they_fit),
        TEST(maps_small_pages_at_the_edges),
        TEST(maps_small_pages_where_the_manifest_says_so),
        TEST(maps_small_pages_where_host_and_guest_are_askew),
        TEST(maps_windows_with_their_rights),
        TEST(maps_for_the_guests_page_table_walks),
        TEST(each_vm_has_its_own),
        TEST(faults_here_and_there),
        TEST(reports_what_is_not_there),
        TEST(reports_what_is_not_allowed),
        TEST(a_vm_with_nothing_is_told_so),
        TEST(a_mapping_that_the_core_refuses_is_reported),
        TEST(any_other_refusal_ends_the_server),
        TEST(a_cpu_that_cannot_go_on_is_reported),
        TEST(records_that_are_no_exits_are_answered),
        TEST(exits_that_are_not_its_own_end_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
