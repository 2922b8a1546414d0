// /servers: each wrong one is refused by its message.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/manifest/edit.h"

#define SERVERS "console, fs-loader, sbi-server, npf-pager, timer-server, monitor"

static struct edit edit;

static int reset(void **state) {
    (void)state;
    edit_reset(&edit);
    return 0;
}

static void test_servers_have_good_names(void **state) {
    (void)state;
    edit_add(&edit, "/servers", "init");
    edit_expect(&edit, STATUS_EXISTS, "/servers/init", "",
                "has the name of the task that starts the others; choose another");
    edit_add(&edit, "/servers", "a-name-of-24-characters-");
    edit_expect(&edit, STATUS_INVALID, "/servers/a-name-of-24-characters-", "",
                "has a name of 24 bytes; choose one of 1 to 23");
    edit_add(&edit, "/servers", "@1");
    edit_expect(&edit, STATUS_INVALID, "/servers/@1", "",
                "has a name of 0 bytes; choose one of 1 to 23");
    edit_add(&edit, "/servers", "a\033b\xc3");
    edit_expect(&edit, STATUS_INVALID, "/servers/a?b?", "",
                "has a name with other characters than letters, digits and ,._+-; rename it");
    edit_add(&edit, "/servers", "net@1");
    edit_expect(&edit, STATUS_INVALID, "/servers/net@1", "",
                "is a server, which has no address; call it `net`");
    edit_text(&edit, "/servers", "console", "");
    edit_expect(&edit, STATUS_INVALID, "/servers", "console",
                "is unknown here; remove it or correct its name (this node has none)");
}

static void test_there_are_servers_but_not_too_many(void **state) {
    (void)state;
    for (unsigned i = 6; i < MANIFEST_SERVERS + 1; i++) {
        char name[16], path[32];
        snprintf(name, sizeof(name), "s%u", i);
        snprintf(path, sizeof(path), "/servers/%s", name);
        edit_add(&edit, "/servers", name);
        edit_text(&edit, path, "image", "s.elf");
        EDIT_CELLS(&edit, path, "deadline-ms", 1);
        if (i < MANIFEST_SERVERS)
            edit_expect_good(&edit);
    }
    edit_expect(&edit, STATUS_NO_MEMORY, "/servers", "",
                "has more than 16 servers; remove some, or raise MANIFEST_SERVERS");
    edit_remove(&edit, "/servers");
    edit_add(&edit, "/", "servers");
    edit_expect(&edit, STATUS_INVALID, "/servers", "", "has no servers; add them");
}

static void test_texts_are_texts(void **state) {
    (void)state;
    const char *node = "/servers/console";
    edit_drop(&edit, node, "image");
    edit_expect(&edit, STATUS_INVALID, node, "image", "is missing; add it");
    edit_text(&edit, node, "image", "");
    edit_expect(&edit, STATUS_INVALID, node, "image", "is empty; write a text");
    EDIT_LIST(&edit, node, "image", "a.elf\0b.elf");
    edit_expect(&edit, STATUS_INVALID, node, "image", "is a list; write one text");
    edit_bytes(&edit, node, "image", "abc", 3);
    edit_expect(&edit, STATUS_INVALID, node, "image",
                "is not a printable text; write it in quotes: \"...\"");
    edit_text(&edit, node, "image", "a\nb");
    edit_expect(&edit, STATUS_INVALID, node, "image",
                "is not a printable text; write it in quotes: \"...\"");
    edit_bytes(&edit, node, "image", NULL, 0);
    edit_expect(&edit, STATUS_INVALID, node, "image",
                "is not a printable text; write it in quotes: \"...\"");
    edit_text(&edit, node, "image", "forty-bytes-are-too-many-for-a-name.elf!");
    edit_expect(&edit, STATUS_INVALID, node, "image", "is 40 bytes long; at most 39 are possible");
}

static void test_numbers_are_in_their_ranges(void **state) {
    (void)state;
    const char *node = "/servers/fs-loader";
    edit_drop(&edit, node, "deadline-ms");
    edit_expect(&edit, STATUS_INVALID, node, "deadline-ms", "is missing; add it");
    EDIT_CELLS(&edit, node, "deadline-ms", 0);
    edit_expect(&edit, STATUS_INVALID, node, "deadline-ms", "is 0; choose one from 1 to 60000");
    EDIT_CELLS(&edit, node, "deadline-ms", 1, 0);
    edit_expect(&edit, STATUS_INVALID, node, "deadline-ms",
                "is 4294967296; choose one from 1 to 60000");
    edit_bytes(&edit, node, "deadline-ms", NULL, 0);
    edit_expect(&edit, STATUS_INVALID, node, "deadline-ms",
                "has 0 bytes; write one number, of one or two cells: <...>");
    EDIT_CELLS(&edit, node, "state-size", 100);
    edit_expect(&edit, STATUS_INVALID, node, "state-size",
                "is 100; choose one from 4096 to 67108864");
    EDIT_CELLS(&edit, node, "dma-size", 0x1800);
    edit_expect(&edit, STATUS_INVALID, node, "dma-size",
                "is 0x1800; choose a multiple of 0x1000, whole pages");
    edit_text(&edit, node, "guest-access", "yes");
    edit_expect(&edit, STATUS_INVALID, node, "guest-access",
                "has a value; write `guest-access;` for yes, and leave it out for no");
}

static void test_calls_name_servers_once(void **state) {
    (void)state;
    const char *node = "/servers/sbi-server";
    EDIT_LIST(&edit, node, "calls", "init\0consol");
    edit_expect(&edit, STATUS_INVALID, node, "calls",
                "names the server `consol`, which /servers doesn't have; add it there or name one "
                "of " SERVERS);
    EDIT_LIST(&edit, node, "signals", "console\0init\0console");
    edit_expect(&edit, STATUS_INVALID, node, "signals", "names `console` twice; remove one");
    EDIT_CELLS(&edit, node, "calls", 1);
    edit_expect(&edit, STATUS_INVALID, node, "calls",
                "is not a printable text; write it in quotes: \"...\"");
}

static void test_calls_make_no_circle(void **state) {
    (void)state;
    const char *text = "lets the server wait for itself, directly or through others; use "
                       "`signals`, which doesn't wait, on one of the ways";
    edit_text(&edit, "/servers/console", "calls", "console");
    edit_expect(&edit, STATUS_INVALID, "/servers/console", "calls", text);
    edit_text(&edit, "/servers/console", "calls", "sbi-server");
    edit_expect(&edit, STATUS_INVALID, "/servers/console", "calls", text);
    edit_text(&edit, "/servers/npf-pager", "calls", "timer-server");
    edit_text(&edit, "/servers/timer-server", "calls", "fs-loader");
    edit_expect_good(&edit);
    edit_text(&edit, "/servers/fs-loader", "calls", "npf-pager");
    edit_expect(&edit, STATUS_INVALID, "/servers/fs-loader", "calls", text);
    // A signal doesn't wait.
    edit_text(&edit, "/servers/console", "signals", "sbi-server");
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.server[0].signals, 1u << 2);
}

static void test_windows_are_whole_pages_with_a_name(void **state) {
    (void)state;
    const char *node = "/servers/console/uart@10000000";
    edit_drop(&edit, node, "reg");
    edit_expect(&edit, STATUS_INVALID, node, "reg", "is missing; add it");
    EDIT_CELLS(&edit, node, "reg", 0x10000000, 0x1000);
    edit_expect(&edit, STATUS_INVALID, node, "reg",
                "has 8 bytes; write one address and one size of two cells each: <0x0 0x80000000 "
                "0x0 0x1000000>");
    edit_reg(&edit, node, 0x10000000, 0);
    edit_expect(&edit, STATUS_INVALID, node, "reg", "has the size 0; write how many bytes");
    edit_reg(&edit, node, 0x10000000, 0x100);
    edit_expect(&edit, STATUS_INVALID, node, "reg",
                "is 0x100 bytes at 0x10000000; choose multiples of 0x1000 for both");
    edit_reg(&edit, node, 0x10000000, (1ull << 56) - 0x10000000 + 0x1000);
    edit_expect(&edit, STATUS_INVALID, node, "reg",
                "ends above 0xffffffffffffff, the highest address there can be; choose a lower "
                "range");
    edit_reg(&edit, node, 0xfffffffffffff000, 0x2000);
    edit_expect(&edit, STATUS_INVALID, node, "reg",
                "ends above 0xffffffffffffff, the highest address there can be; choose a lower "
                "range");
    edit_reg(&edit, node, 0x10010000, 0x1000);
    edit_expect(&edit, STATUS_INVALID, node, "reg",
                "begins at 0x10010000, which the node's name doesn't say; call the node "
                "`uart@10010000`");
    edit_text(&edit, node, "rights", "w");
    edit_expect(&edit, STATUS_INVALID, node, "rights", "is \"w\"; write one of \"r\", \"rw\"");
    edit_text(&edit, node, "rights", "rx");
    edit_expect(&edit, STATUS_INVALID, node, "rights", "is \"rx\"; write one of \"r\", \"rw\"");
    edit_drop(&edit, node, "rights");
    edit_expect(&edit, STATUS_INVALID, node, "rights", "is missing; add it");
    edit_add(&edit, node, "x");
    edit_expect(&edit, STATUS_INVALID, "/servers/console/uart@10000000/x", "",
                "is a node that is unknown there; remove it or correct its name (no node belongs "
                "there)");
    edit_remove(&edit, node);
    edit_add(&edit, "/servers/console", "uart");
    edit_reg(&edit, "/servers/console/uart", 0x20000000, 0x1000);
    edit_expect(&edit, STATUS_INVALID, "/servers/console/uart", "reg",
                "begins at 0x20000000, which the node's name doesn't say; call the node "
                "`uart@20000000`");
}

static void add_window(const char *server, const char *name, uint64_t address, uint64_t size) {
    char path[80];
    edit_add(&edit, server, name);
    snprintf(path, sizeof(path), "%s/%s", server, name);
    edit_reg(&edit, path, address, size);
    edit_text(&edit, path, "rights", "r");
}

static void test_windows_are_few_and_told_apart(void **state) {
    (void)state;
    add_window("/servers/console", "uart@20000000", 0x20000000, 0x1000);
    edit_expect(&edit, STATUS_EXISTS, "/servers/console/uart@10000000", "",
                "is the second window called `uart`; choose another name");
    add_window("/servers/console", "a@30000000", 0x30000000, 0x1000);
    add_window("/servers/console", "b@30001000", 0x30001000, 0x1000);
    add_window("/servers/console", "c@30002000", 0x30002000, 0x1000);
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.server[0].window_count, MANIFEST_WINDOWS);
    assert_int_equal(edit.manifest.server[0].window[0].rights, RIGHT_R);
    add_window("/servers/console", "d@30003000", 0x30003000, 0x1000);
    edit_expect(&edit, STATUS_NO_MEMORY, "/servers/console", "",
                "has more than 4 windows; join some, or raise MANIFEST_WINDOWS");
}

static void test_a_device_belongs_to_one(void **state) {
    (void)state;
    // The other server's, by one page.
    add_window("/servers/npf-pager", "disk@10008000", 0x10008000, 0x1000);
    edit_expect(&edit, STATUS_INVALID, "/servers/npf-pager/disk@10008000", "reg",
                "takes 0x10008000-0x10008fff, of which /servers/fs-loader/virtio@10002000 has "
                "0x10002000-0x10008fff already; move one of them");
    // Next to it is free.
    add_window("/servers/npf-pager", "disk@10009000", 0x10009000, 0x1000);
    edit_expect_good(&edit);
    edit_reset(&edit);
    // The core's interrupt controller, and what turns the machine off.
    add_window("/servers/npf-pager", "plic@c200000", 0xc200000, 0x1000);
    edit_expect(&edit, STATUS_INVALID, "/servers/npf-pager/plic@c200000", "reg",
                "takes 0xc200000-0xc200fff, of which /host/interrupt-controller@c000000 has "
                "0xc000000-0xc5fffff already; move one of them");
    add_window("/servers/npf-pager", "all@0", 0, 0x10000000);
    edit_expect(&edit, STATUS_INVALID, "/servers/npf-pager/all@0", "reg",
                "takes 0x0-0xfffffff, of which /host/reset@100000 has 0x100000-0x100fff already; "
                "move one of them");
    edit_reg(&edit, "/host/interrupt-controller@c000000", 0xc000000, 0x5000000);
    edit_expect(&edit, STATUS_INVALID, "/servers/console/uart@10000000", "reg",
                "takes 0x10000000-0x10000fff, of which /host/interrupt-controller@c000000 has "
                "0xc000000-0x10ffffff already; move one of them");
}

static void test_interrupt_lines_belong_to_one(void **state) {
    (void)state;
    const char *node = "/servers/npf-pager";
    EDIT_CELLS(&edit, node, "interrupt-lines", 1, 10);
    edit_expect(&edit, STATUS_EXISTS, node, "interrupt-lines",
                "names line 10, which /servers/console has already; remove one");
    EDIT_CELLS(&edit, node, "interrupt-lines", 2, 3, 2);
    edit_expect(&edit, STATUS_EXISTS, node, "interrupt-lines",
                "names line 2, which /servers/npf-pager has already; remove one");
    EDIT_CELLS(&edit, node, "interrupt-lines", 0);
    edit_expect(&edit, STATUS_INVALID, node, "interrupt-lines",
                "names line 0; choose one from 1 to 1023");
    EDIT_CELLS(&edit, node, "interrupt-lines", 1024);
    edit_expect(&edit, STATUS_INVALID, node, "interrupt-lines",
                "names line 1024; choose one from 1 to 1023");
    EDIT_CELLS(&edit, node, "interrupt-lines", 1, 2, 3, 4, 5);
    edit_expect(&edit, STATUS_NO_MEMORY, node, "interrupt-lines",
                "names 5 lines; at most 4 are possible");
    edit_bytes(&edit, node, "interrupt-lines", "12345", 5);
    edit_expect(&edit, STATUS_INVALID, node, "interrupt-lines",
                "has 5 bytes; write one cell for each line: <10 11>");
    edit_bytes(&edit, node, "interrupt-lines", NULL, 0);
    edit_expect(&edit, STATUS_INVALID, node, "interrupt-lines",
                "has 0 bytes; write one cell for each line: <10 11>");
    edit_remove(&edit, "/host/interrupt-controller@c000000");
    edit_expect(&edit, STATUS_INVALID, "/servers/console", "interrupt-lines",
                "needs an interrupt controller; add the node `interrupt-controller@...` to /host");
    EDIT_CELLS(&edit, node, "interrupt-lines", 2, 3, 4, 1023);
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.server[3].interrupt_count, 4);
    assert_int_equal(edit.manifest.server[3].interrupt[3], 1023);
}

static void test_emulated_devices_are_a_list_of_texts(void **state) {
    (void)state;
    const char *node = "/servers/timer-server";
    EDIT_LIST(&edit, node, "emulates", "a\0b\0c\0d");
    edit_expect_good(&edit);
    assert_int_equal(edit.manifest.server[4].emulates_count, 4);
    assert_string_equal(edit.manifest.server[4].emulates[3], "d");
    EDIT_LIST(&edit, node, "emulates", "a\0b\0c\0d\0e");
    edit_expect(&edit, STATUS_NO_MEMORY, node, "emulates",
                "names more than 4 devices; remove some, or raise MANIFEST_EMULATES");
    edit_bytes(&edit, node, "emulates", "a", 1);
    edit_expect(&edit, STATUS_INVALID, node, "emulates",
                "is not a printable text; write it in quotes: \"...\"");
    edit_text(&edit, node, "emulates", "");
    edit_expect(&edit, STATUS_INVALID, node, "emulates",
                "holds a name of 0 bytes; choose one of 1 to 47");
    edit_text(&edit, node, "emulates", "forty-eight-bytes-are-too-many-for-such-a-name-!");
    edit_expect(&edit, STATUS_INVALID, node, "emulates",
                "holds a name of 48 bytes; choose one of 1 to 47");
}

static void test_there_is_one_monitor(void **state) {
    (void)state;
    edit_expect_good(&edit);
    assert_false(edit.manifest.server[2].monitor);
    assert_true(edit.manifest.server[5].monitor);
    edit_bytes(&edit, "/servers/sbi-server", "monitor", NULL, 0);
    edit_expect(&edit, STATUS_EXISTS, "/servers/monitor", "monitor",
                "makes this a second monitor, beside /servers/sbi-server; remove it from one");
    edit_bytes(&edit, "/servers/sbi-server", "monitor", NULL, 0);
    edit_drop(&edit, "/servers/monitor", "monitor");
    edit_expect_good(&edit);
    assert_true(edit.manifest.server[2].monitor);
    assert_false(edit.manifest.server[5].monitor);
    EDIT_CELLS(&edit, "/servers/npf-pager", "monitor", 1);
    edit_expect(&edit, STATUS_INVALID, "/servers/npf-pager", "monitor",
                "has a value; write `monitor;` for yes, and leave it out for no");
}

static void test_unknown_properties_are_refused(void **state) {
    (void)state;
    EDIT_CELLS(&edit, "/servers/console", "deadline", 5);
    edit_expect(&edit, STATUS_INVALID, "/servers/console", "deadline",
                "is unknown here; remove it or correct its name (there are: image, deadline-ms, "
                "state-size, dma-size, calls, signals, guest-access, interrupt-lines, emulates, "
                "monitor)");
    EDIT_CELLS(&edit, "/servers/console/uart@10000000", "size", 5);
    edit_expect(&edit, STATUS_INVALID, "/servers/console/uart@10000000", "size",
                "is unknown here; remove it or correct its name (there are: reg, rights, "
                "compatible, slot-size)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_servers_have_good_names, reset),
        cmocka_unit_test_setup(test_there_are_servers_but_not_too_many, reset),
        cmocka_unit_test_setup(test_texts_are_texts, reset),
        cmocka_unit_test_setup(test_numbers_are_in_their_ranges, reset),
        cmocka_unit_test_setup(test_calls_name_servers_once, reset),
        cmocka_unit_test_setup(test_calls_make_no_circle, reset),
        cmocka_unit_test_setup(test_windows_are_whole_pages_with_a_name, reset),
        cmocka_unit_test_setup(test_windows_are_few_and_told_apart, reset),
        cmocka_unit_test_setup(test_a_device_belongs_to_one, reset),
        cmocka_unit_test_setup(test_interrupt_lines_belong_to_one, reset),
        cmocka_unit_test_setup(test_emulated_devices_are_a_list_of_texts, reset),
        cmocka_unit_test_setup(test_there_is_one_monitor, reset),
        cmocka_unit_test_setup(test_unknown_properties_are_refused, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
