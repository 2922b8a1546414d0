#include "guest/trap.h"

#include <stddef.h>

#include "arch/riscv64/guest/csr.h"
#include "guest/mmu.h"

struct trap_frame {
    uint64_t x[32]; // x[0] is not used
    uint64_t pc;
    uint64_t status;
};
_Static_assert(sizeof(struct trap_frame) % 16 == 0, "the stack pointer stays aligned");

enum { REG_SP = 2, REG_A0 = 10, REG_A7 = 17 };

// For .irp: every register but x0 and the stack pointer.
#define ALL_BUT_SP                                                                                 \
    "1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"

#define FRAME_OFFSETS                                                                              \
    [size] "i"(sizeof(struct trap_frame)), [x] "i"(offsetof(struct trap_frame, x)),                \
        [sp] "i"(offsetof(struct trap_frame, x[REG_SP])),                                          \
        [pc] "i"(offsetof(struct trap_frame, pc)),                                                 \
        [status] "i"(offsetof(struct trap_frame, status))

// Called by assembly only.
static __attribute__((used)) void trap_dispatch(struct trap_frame *frame);

// sscratch holds the end of the process's kernel stack while user mode runs, and 0 while the kernel
// does: that is how the vector knows on which stack to save.
static __attribute__((naked, used, aligned(4))) void trap_vector(void) {
    __asm__ volatile("csrrw sp, sscratch, sp\n"
                     "bnez sp, 1f\n"
                     "csrr sp, sscratch\n"
                     "1: addi sp, sp, -%[size]\n"
                     ".irp n, " ALL_BUT_SP "\n"
                     "sd x\\n, %[x]+8*\\n(sp)\n"
                     ".endr\n"
                     // On both ways sscratch now has the interrupted stack pointer.
                     "csrrw t0, sscratch, zero\n"
                     "csrr t1, sepc\n"
                     "csrr t2, sstatus\n"
                     "sd t0, %[sp](sp)\n"
                     "sd t1, %[pc](sp)\n"
                     "sd t2, %[status](sp)\n"
                     "mv a0, sp\n"
                     "call %[dispatch]\n"
                     "tail trap_resume\n" ::FRAME_OFFSETS,
                     [dispatch] "i"(trap_dispatch));
}

// Goes on with the frame that the stack pointer is at, interrupts off until then.
static __attribute__((naked, used)) void trap_resume(void) {
    __asm__ volatile("ld t1, %[pc](sp)\n"
                     "ld t2, %[status](sp)\n"
                     "csrw sepc, t1\n"
                     "csrw sstatus, t2\n"
                     "andi t2, t2, %[spp]\n"
                     "bnez t2, 1f\n"
                     "addi t1, sp, %[size]\n"
                     "csrw sscratch, t1\n"
                     "1:\n"
                     ".irp n, " ALL_BUT_SP "\n"
                     "ld x\\n, %[x]+8*\\n(sp)\n"
                     ".endr\n"
                     "ld sp, %[sp](sp)\n"
                     "sret\n" ::FRAME_OFFSETS,
                     [spp] "i"(SSTATUS_SPP));
}

void trap_init(void) {
    csr_write(sscratch, 0);
    csr_write(stvec, trap_vector);
}

// What gkernel calls a hardware cause, and the access of the page faults.
static const struct {
    uint8_t known;
    uint8_t cause;
    uint8_t access;
} exceptions[] = {
    [SCAUSE_FETCH_ACCESS] = {1, TRAP_PAGE_FAULT, MMU_EXECUTE},
    [SCAUSE_ILLEGAL] = {1, TRAP_ILLEGAL, 0},
    [SCAUSE_LOAD_ACCESS] = {1, TRAP_PAGE_FAULT, MMU_READ},
    [SCAUSE_STORE_ACCESS] = {1, TRAP_PAGE_FAULT, MMU_WRITE},
    [SCAUSE_USER_ECALL] = {1, TRAP_SYSCALL, 0},
    [SCAUSE_FETCH_PAGE_FAULT] = {1, TRAP_PAGE_FAULT, MMU_EXECUTE},
    [SCAUSE_LOAD_PAGE_FAULT] = {1, TRAP_PAGE_FAULT, MMU_READ},
    [SCAUSE_STORE_PAGE_FAULT] = {1, TRAP_PAGE_FAULT, MMU_WRITE},
};

static void trap_dispatch(struct trap_frame *frame) {
    struct trap trap = {
        .cause = TRAP_OTHER,
        .from_user = (frame->status & SSTATUS_SPP) == 0,
        .address = csr_read(stval),
        .pc = frame->pc,
        .code = csr_read(scause),
    };
    if (trap.code == SCAUSE_TIMER) {
        trap.cause = TRAP_TIMER;
    } else if (trap.code < sizeof(exceptions) / sizeof(exceptions[0]) &&
               exceptions[trap.code].known) {
        trap.cause = exceptions[trap.code].cause;
        trap.access = exceptions[trap.code].access;
    }
    trap_handle(frame, &trap);
}

struct trap_syscall trap_frame_syscall(const struct trap_frame *frame) {
    struct trap_syscall call = {.number = frame->x[REG_A7]};
    for (unsigned i = 0; i < sizeof(call.argument) / sizeof(call.argument[0]); i++)
        call.argument[i] = frame->x[REG_A0 + i];
    return call;
}

void trap_frame_return(struct trap_frame *frame, int64_t result) {
    frame->x[REG_A0] = (uint64_t)result;
    // ECALL has no compressed form.
    frame->pc += 4;
}

_Noreturn void trap_enter_user(void *kernel_stack, uint64_t entry, uint64_t user_stack) {
    struct trap_frame *frame = (struct trap_frame *)kernel_stack - 1;
    // The running stack may be the one that is overwritten: nothing above the frame is needed
    // again, but the values must be in registers when the stores begin.
    const uint64_t status = (csr_read(sstatus) & ~(SSTATUS_SPP | SSTATUS_FS)) | SSTATUS_SPIE;
    __asm__ volatile(
        "csrci sstatus, %[sie]\n"
        "mv sp, %[frame]\n"
        "sd %[entry], %[pc](sp)\n"
        "sd %[flags], %[status](sp)\n"
        ".irp n, " ALL_BUT_SP "\n"
        "sd zero, %[x]+8*\\n(sp)\n"
        ".endr\n"
        "sd %[user], %[sp](sp)\n"
        "tail trap_resume\n" ::[frame] "r"(frame),
        [entry] "r"(entry), [flags] "r"(status), [user] "r"(user_stack), [sie] "i"(SSTATUS_SIE),
        FRAME_OFFSETS
        : "memory");
    __builtin_unreachable();
}
