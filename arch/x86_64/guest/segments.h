// The descriptor tables (APM volume 2, chapters 4.7, 4.8 and 8.9), and what else says where traps
// go.
#pragma once

#include <stdint.h>

// Selectors. SYSCALL and SYSRET want them in this order.
#define SEGMENT_KERNEL_CODE 0x08
#define SEGMENT_KERNEL_DATA 0x10
#define SEGMENT_USER_DATA 0x1b
#define SEGMENT_USER_CODE 0x23

// Vectors: 32 exceptions, the LAPIC timer's, and the LAPIC's spurious one; the others of the first
// classes of priority are there for guests that try the LAPIC.
#define VECTOR_DIVIDE 0
#define VECTOR_DEBUG 1
#define VECTOR_NMI 2
#define VECTOR_BREAKPOINT 3
#define VECTOR_UNDEFINED 6
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_STACK 12
#define VECTOR_PAGE_FAULT 14
#define VECTOR_X87 16
#define VECTOR_ALIGNMENT 17
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_SIMD 19
#define VECTOR_EXCEPTIONS 32
#define VECTOR_TIMER 32
#define VECTOR_SPURIOUS 47
#define VECTOR_COUNT 96
// What a frame has that SYSCALL made.
#define VECTOR_SYSCALL 256

// Loads all of them. `stub_size` bytes of code are there for each vector.
void segments_init(const char *stubs, unsigned stub_size, void (*syscall)(void));

// The task state segment. rsp[0] is where the next trap from user mode begins to push; the code for
// SYSCALL, for which the processor does not switch stacks, goes by it, too.
struct segments_tss {
    uint32_t unused0;
    uint64_t rsp[3];
    uint64_t unused1;
    uint64_t ist[7];
    uint64_t unused2;
    uint16_t unused3, io_map;
} __attribute__((packed));
extern struct segments_tss segments_tss;
