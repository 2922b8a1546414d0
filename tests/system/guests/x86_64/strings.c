// INS and OUTS, with REP and without: to the serial port and to ports where nothing is, in both
// directions, by addresses of 32 bits and of other segments, into pages that are not there.
#include <stddef.h>

#include "arch/x86_64/guest/bare.h"
#include "arch/x86_64/guest/entry.h"
#include "arch/x86_64/guest/segments.h"
#include "arch/x86_64/guest/x86.h"
#include "guest/lib/string.h"
#include "tests/system/guests/check.h"

#define SERIAL 0x3f8
#define SERIAL_LINE 0x3fd
#define NOWHERE 0x0cf8 // of PCI: nothing answers
#define MSR_FS_BASE_NUMBER 0xc0000100
#define BIG_PAGE UINT64_C(0x200000)
#define HOLE UINT64_C(0x1600000) // within RAM

static uint64_t faults, address, error;
static uint64_t *hole; // entry of a page that a fault makes present; NULL: none

void bare_trap(struct trap_frame *frame) {
    if (frame->vector != VECTOR_PAGE_FAULT || hole == NULL) {
        print("FAILED: trap %lu, error 0x%lx, at 0x%lx\n", frame->vector, frame->error, frame->rip);
        guest_end(true);
    }
    faults++;
    address = x86_read_cr(2);
    error = frame->error;
    *hole |= 3;
    x86_write_cr(3, x86_read_cr(3));
}

struct ends {
    uint64_t count;
    const void *at;
};

static struct ends outs(const char *which, uint64_t count, const void *at, uint16_t port) {
    struct ends ends = {count, at};
    switch (*which) {
    case 'b':
        __asm__ volatile("rep outsb" : "+c"(ends.count), "+S"(ends.at) : "d"(port) : "memory");
        break;
    case 's': // one, whatever the count is
        __asm__ volatile("outsb" : "+c"(ends.count), "+S"(ends.at) : "d"(port) : "memory");
        break;
    case 'd': // backwards
        __asm__ volatile("std\nrep outsb\ncld"
                         : "+c"(ends.count), "+S"(ends.at)
                         : "d"(port)
                         : "memory");
        break;
    case '3': // by ESI and ECX
        __asm__ volatile(".byte 0x67\nrep outsb"
                         : "+c"(ends.count), "+S"(ends.at)
                         : "d"(port)
                         : "memory");
        break;
    default: // FS
        __asm__ volatile("rep outsb %%fs:(%%rsi), %%dx"
                         : "+c"(ends.count), "+S"(ends.at)
                         : "d"(port)
                         : "memory");
    }
    return ends;
}

static void out(void) {
    static const char text[] = "strings: by REP OUTSB\n";
    static const char backwards[] = "\nsdrawkcab :sgnirts";
    static const char narrow[] = "strings: by 32 bits\n";
    static const char based[] = "strings: by FS\n";
    struct ends ends = outs("b", sizeof(text) - 1, text, SERIAL);
    check(ends.count == 0 && ends.at == text + sizeof(text) - 1, "forwards: %lu left", ends.count);
    ends = outs("d", sizeof(backwards) - 1, backwards + sizeof(backwards) - 2, SERIAL);
    check(ends.count == 0 && ends.at == backwards - 1, "backwards: %lu left", ends.count);
    ends = outs("3", sizeof(narrow) - 1 + (UINT64_C(5) << 32), narrow, SERIAL);
    check(ends.count == 0, "by 32 bits, which clear the rest: %lu", ends.count);
    x86_write_msr(MSR_FS_BASE_NUMBER, 0x1000);
    ends = outs("f", sizeof(based) - 1, based - 0x1000, SERIAL);
    check(ends.count == 0, "by FS: %lu left", ends.count);
    x86_write_msr(MSR_FS_BASE_NUMBER, 0);
    ends = outs("b", 0, text, SERIAL);
    check(ends.count == 0 && ends.at == text, "none");
    ends = outs("s", 7, text + sizeof(text) - 2, SERIAL);
    check(ends.count == 7 && ends.at == text + sizeof(text) - 1, "one: %lu", ends.count);
    ends = outs("b", 300, text, NOWHERE);
    check(ends.count == 0 && ends.at == text + 300, "to nobody: %lu left", ends.count);
}

static void in(void) {
    uint8_t bytes[8] = {0};
    void *at = bytes;
    uint64_t count = 4;
    __asm__ volatile("rep insb" : "+c"(count), "+D"(at) : "d"(SERIAL_LINE) : "memory");
    check(count == 0 && at == bytes + 4, "INSB: %lu left", count);
    for (unsigned i = 0; i < 8; i++)
        check(bytes[i] == (i < 4 ? 0x60 : 0), "byte %u: 0x%x", i, bytes[i]);
    uint16_t words[3] = {1, 2, 3};
    at = words;
    count = 2;
    __asm__ volatile("rep insw" : "+c"(count), "+D"(at) : "d"(NOWHERE) : "memory");
    check(words[0] == 0xffff && words[1] == 0xffff && words[2] == 3, "INSW");
    uint32_t wide[2] = {1, 2};
    at = wide;
    __asm__ volatile("insl" : "+D"(at) : "d"(NOWHERE) : "memory");
    check(wide[0] == UINT32_MAX && wide[1] == 2 && at == wide + 1, "INSL");
}

// What ends in a page that is not there goes on when it is, and nothing is done twice.
static void faulting(void) {
    uint8_t *const before = (uint8_t *)(uintptr_t)(HOLE - 4);
    memcpy(before, "stri", 4);
    memcpy(before + 4, "ngs: over a hole\n", 17);
    hole = &entry_middle[HOLE / BIG_PAGE];
    *hole &= ~UINT64_C(3);
    x86_write_cr(3, x86_read_cr(3));
    struct ends ends = outs("b", 21, before, SERIAL);
    check(ends.count == 0 && ends.at == before + 21, "over a hole: %lu left", ends.count);
    check(faults == 1 && address == HOLE && error == 0, "%lu faults, at 0x%lx, 0x%lx", faults,
          address, error);
    *hole &= ~UINT64_C(2); // it may be read
    x86_write_cr(3, x86_read_cr(3));
    void *at = before + 2;
    uint64_t count = 1;
    __asm__ volatile("rep insl" : "+c"(count), "+D"(at) : "d"(NOWHERE) : "memory");
    check(count == 0 && before[2] == 0xff && before[5] == 0xff, "half in a page for reading");
    check(faults == 2 && address == HOLE && error == 3, "%lu faults, at 0x%lx, 0x%lx", faults,
          address, error);
    hole = NULL;
}

bool guest_main(uint64_t cpu, const void *information) {
    (void)cpu, (void)information;
    out();
    in();
    faulting();
    return check_end("strings");
}
