// The CPU's descriptor tables (APM volume 2, 4.8 and 12.2): segments, which long mode hardly uses;
// the task state segment, which says where interrupts of tasks save registers; the vectors.
#pragma once

#include <stdint.h>

// Selectors. SYSRET takes a task's two from one base (STAR), the data segment first.
enum {
    TABLES_CORE_CODE = 0x08,
    TABLES_CORE_DATA = 0x10,
    TABLES_SYSRET_BASE = 0x18 | 3,
    TABLES_TASK_DATA = 0x20 | 3,
    TABLES_TASK_CODE = 0x28 | 3,
    TABLES_TSS = 0x30,
};

struct task_state_segment {
    uint32_t reserved0;
    uint64_t rsp0; // the end of the running task's saved registers
    uint64_t rsp1, rsp2;
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map; // where the I/O permission map begins; behind the limit: no port is allowed
} __attribute__((packed));

extern struct task_state_segment tables_tss;

// Loads all of them into the CPU.
void tables_load(void);
