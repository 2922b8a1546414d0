#include "guest/trap.h"

#include <stddef.h>

#include "arch/riscv64/guest/csr.h"
#include "arch/riscv64/guest/fp.h"
#include "arch/riscv64/guest/mmu.h"
#include "guest/gkernel/kernel_stack.h"
#include "guest/lib/string.h"

struct trap_frame {
    uint64_t x[32]; // x[0] is not used
    uint64_t pc;
    uint64_t status;
};
_Static_assert(sizeof(struct trap_frame) % 16 == 0, "the stack pointer stays aligned");

// At the end of a kernel stack. sscratch points behind `frame` while user mode runs.
struct user_frame {
    struct trap_frame frame;
    struct fp_registers fp;
};
_Static_assert(sizeof(struct user_frame) % 16 == 0, "the stack pointer stays aligned");
_Static_assert(offsetof(struct user_frame, frame) == 0, "one is the other's address");

enum { REG_SP = 2, REG_TP = 4, REG_A0 = 10, REG_A7 = 17 };

// For .irp: every register but x0 and the stack pointer.
#define ALL_BUT_SP                                                                                 \
    "1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"

#define FRAME_OFFSETS                                                                              \
    [size] "i"(sizeof(struct trap_frame)), [x] "i"(offsetof(struct trap_frame, x)),                \
        [sp] "i"(offsetof(struct trap_frame, x[REG_SP])),                                          \
        [pc] "i"(offsetof(struct trap_frame, pc)),                                                 \
        [status] "i"(offsetof(struct trap_frame, status))

// What is run on when a thread's kernel stack is no good any more.
#define OVERFLOW_STACK_SIZE 2048
static _Alignas(16) __attribute__((used)) unsigned char overflow_stack[OVERFLOW_STACK_SIZE];

// Called by assembly only.
static __attribute__((used)) void trap_dispatch(struct trap_frame *frame);
static __attribute__((used)) _Noreturn void trap_overflow(void);

// sscratch holds the place behind the thread's user frame while user mode runs, and 0 while the
// kernel does: that is how the vector knows on which stack to save.
//
// A kernel stack is the upper half of an aligned block of twice its size (kernel_stack.h). One that
// runs over comes to where the address bit of its size is clear, and there nothing is mapped, so
// that the vector's own stores would trap for ever. The boot stack and the idle thread's are in the
// image and have no such half; but nothing nests there.
static __attribute__((naked, used, aligned(4))) void trap_vector(void) {
    __asm__ volatile("csrrw sp, sscratch, sp\n"
                     "bnez sp, 2f\n"
                     "csrr sp, sscratch\n"
                     "addi sp, sp, -%[size]\n"
                     // Is it in the window, and in a block's lower half? t0 is kept in sscratch's
                     // place: whoever has to ask has no other.
                     "csrw sscratch, t0\n"
                     "lui t0, %[window_top]\n"
                     "bltu sp, t0, 1f\n"
                     "srli t0, sp, %[stack_bit]\n"
                     "andi t0, t0, 1\n"
                     "beqz t0, 3f\n"
                     "1: csrr t0, sscratch\n"
                     "addi sp, sp, %[size]\n"
                     "csrw sscratch, sp\n"
                     "2: addi sp, sp, -%[size]\n"
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
                     "tail trap_resume\n"
                     // From here on nothing comes back, and a trap on the way is the kernel's.
                     "3: csrw sscratch, zero\n"
                     "la sp, %[overflow_stack] + %[overflow_size]\n"
                     "tail %[overflow]\n" ::FRAME_OFFSETS,
                     [dispatch] "i"(trap_dispatch), [overflow] "i"(trap_overflow),
                     [overflow_stack] "i"(overflow_stack), [overflow_size] "i"(OVERFLOW_STACK_SIZE),
                     [window_top] "i"(MMU_WINDOW_UPPER_20), [stack_bit] "i"(KERNEL_STACK_BIT));
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
    [SCAUSE_FETCH_ACCESS] = {1, TRAP_ACCESS, 0},
    [SCAUSE_ILLEGAL] = {1, TRAP_ILLEGAL, 0},
    [SCAUSE_BREAKPOINT] = {1, TRAP_BREAKPOINT, 0},
    [SCAUSE_LOAD_MISALIGNED] = {1, TRAP_MISALIGNED, 0},
    [SCAUSE_LOAD_ACCESS] = {1, TRAP_ACCESS, 0},
    [SCAUSE_STORE_MISALIGNED] = {1, TRAP_MISALIGNED, 0},
    [SCAUSE_STORE_ACCESS] = {1, TRAP_ACCESS, 0},
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

static _Noreturn void trap_overflow(void) {
    const struct trap trap = {
        .cause = TRAP_STACK_OVERFLOW,
        .address = csr_read(stval),
        .pc = csr_read(sepc),
        .code = csr_read(scause),
    };
    trap_handle(NULL, &trap);
    __builtin_unreachable();
}

// Whose floating-point registers are in the CPU. Between two threads that have a user mode, all are
// exchanged; sstatus.FS says whether they have changed since they were loaded.
static struct fp_registers *loaded;

static struct user_frame *user_frame_of(struct trap_frame *frame) {
    return (struct user_frame *)frame;
}

struct trap_frame *trap_user_frame(void *kernel_stack) {
    return &((struct user_frame *)kernel_stack - 1)->frame;
}

static bool fs_is_dirty(const struct trap_frame *frame) {
    return (frame->status & SSTATUS_FS) == SSTATUS_FS;
}

static void mark_clean(struct trap_frame *frame) {
    frame->status = (frame->status & ~SSTATUS_FS) | SSTATUS_FS_CLEAN;
}

// In the kernel sstatus.FS is what it was in user mode, or off.
static void fp_allow(void) { csr_set(sstatus, SSTATUS_FS); }

void trap_frame_start(struct trap_frame *frame, uint64_t pc, uint64_t stack) {
    struct fp_registers *fp = &user_frame_of(frame)->fp;
    // Nothing else is kept: vector registers and extensions' state stay off, which nobody saves.
    const uint64_t width = csr_read(sstatus) & SSTATUS_UXL;
    *frame = (struct trap_frame){.pc = pc, .status = width | SSTATUS_SPIE | SSTATUS_FS_CLEAN};
    frame->x[REG_SP] = stack;
    *fp = (struct fp_registers){0};
    if (loaded == fp) {
        fp_allow();
        fp_load(fp);
    }
}

static void put_away(struct trap_frame *frame) {
    if (!fs_is_dirty(frame))
        return;
    fp_allow();
    fp_save(&user_frame_of(frame)->fp);
    mark_clean(frame);
}

void trap_frame_copy(struct trap_frame *to, struct trap_frame *from) {
    put_away(from);
    *user_frame_of(to) = *user_frame_of(from);
    to->x[REG_A0] = 0;
}

void trap_switch(struct trap_frame *from, struct trap_frame *to) {
    if (from != NULL)
        put_away(from);
    if (to == NULL || loaded == &user_frame_of(to)->fp)
        return;
    loaded = &user_frame_of(to)->fp;
    fp_allow();
    fp_load(loaded);
}

void trap_frame_set_stack(struct trap_frame *frame, uint64_t stack) { frame->x[REG_SP] = stack; }

void trap_frame_set_tls(struct trap_frame *frame, uint64_t thread_pointer) {
    frame->x[REG_TP] = thread_pointer;
}

struct trap_syscall trap_frame_syscall(struct trap_frame *frame) {
    struct trap_syscall call = {.number = frame->x[REG_A7]};
    for (unsigned i = 0; i < sizeof(call.argument) / sizeof(call.argument[0]); i++)
        call.argument[i] = frame->x[REG_A0 + i];
    // ECALL has no compressed form.
    frame->pc += 4;
    return call;
}

void trap_frame_return(struct trap_frame *frame, int64_t result) {
    frame->x[REG_A0] = (uint64_t)result;
}

bool trap_frame_own_syscall(struct trap_frame *frame, const struct trap_syscall *call,
                            int64_t *result) {
    (void)frame, (void)call, (void)result;
    return false;
}

_Noreturn void trap_enter_user(struct trap_frame *frame) {
    __asm__ volatile("csrci sstatus, %[sie]\n"
                     "mv sp, %[frame]\n"
                     "tail trap_resume\n" ::[frame] "r"(frame),
                     [sie] "i"(SSTATUS_SIE)
                     : "memory");
    __builtin_unreachable();
}
