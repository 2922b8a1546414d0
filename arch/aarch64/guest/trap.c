#include "guest/trap.h"

#include "arch/aarch64/guest/clock.h"
#include "arch/aarch64/guest/fp.h"
#include "arch/aarch64/guest/frame.h"
#include "arch/aarch64/guest/gic.h"
#include "arch/aarch64/guest/sysreg.h"
#include "guest/mmu.h"

enum { REG_RESULT = 0, REG_NUMBER = 8 };

// The kernel reaches programs' memory through the linear map only. A CPU that can see to that does.
static void forbid_user_memory(void) {
    if (ID_AA64MMFR1_PAN(sysreg_read(id_aa64mmfr1_el1)) == 0)
        return;
    sysreg_write(sctlr_el1, sysreg_read(sctlr_el1) & ~SCTLR_SPAN);
    __asm__ volatile(".arch_extension pan\n"
                     "msr pan, #1\n"
                     "isb" ::
                         : "memory");
}

void trap_init(void) {
    fp_init();
    forbid_user_memory();
    // User mode reads no counters: it asks the kernel.
    sysreg_write(cntkctl_el1, 0);
    sysreg_write(vbar_el1, vector_table);
    sysreg_sync();
}

// Cache maintenance counts as writing for the CPU, and needs no right to write.
static unsigned data_access(uint64_t syndrome) {
    const bool writes = (syndrome & ESR_WRITE) && !(syndrome & ESR_CACHE_MAINTENANCE);
    return writes ? MMU_WRITE : MMU_READ;
}

static void take_abort(struct trap *trap, unsigned access) {
    const uint64_t fault = ESR_FAULT(trap->code);
    trap->access = access;
    if (fault <= FAULT_PERMISSION_LAST)
        trap->cause = TRAP_PAGE_FAULT;
    else if (fault == FAULT_ALIGNMENT)
        trap->cause = TRAP_MISALIGNED;
    else if (fault == FAULT_EXTERNAL ||
             (fault >= FAULT_EXTERNAL_WALK && fault <= FAULT_EXTERNAL_WALK_LAST))
        trap->cause = TRAP_ACCESS;
}

// What gkernel calls a synchronous exception (Arm ARM D23.2, ESR_EL1.EC).
static void take_exception(struct trap *trap) {
    switch (ESR_CLASS(trap->code)) {
    case ESR_SVC:
        trap->cause = TRAP_SYSCALL;
        break;
    case ESR_FETCH_LOWER:
    case ESR_FETCH_SAME:
        take_abort(trap, MMU_EXECUTE);
        break;
    case ESR_DATA_LOWER:
    case ESR_DATA_SAME:
        take_abort(trap, data_access(trap->code));
        break;
    case ESR_UNKNOWN:
    case ESR_WAIT:
    case ESR_SIMD_TRAPPED:
    case ESR_BRANCH_TARGET:
    case ESR_ILLEGAL_STATE:
    case ESR_SYSREG:
    case ESR_SVE_TRAPPED:
        trap->cause = TRAP_ILLEGAL;
        break;
    case ESR_PC_ALIGNMENT:
    case ESR_SP_ALIGNMENT:
        trap->cause = TRAP_MISALIGNED;
        break;
    case ESR_BRK:
        trap->cause = TRAP_BREAKPOINT;
        break;
    default:
        break;
    }
}

// The controller's turn ends at once, before the kernel may go on with another thread: with the
// timer held, its line is low by then, and the interrupt does not come again at the end of this
// one.
static bool take_timer(void) {
    const unsigned interrupt = gic_claim();
    if (interrupt == GIC_NONE)
        return false;
    if (interrupt == CLOCK_INTERRUPT)
        clock_hold();
    gic_end(interrupt);
    return interrupt == CLOCK_INTERRUPT;
}

void trap_dispatch(struct trap_frame *frame, enum vector_kind kind) {
    struct trap trap = {
        .cause = TRAP_OTHER,
        .from_user = (frame->status & SPSR_MODE) == SPSR_EL0,
        .address = sysreg_read(far_el1),
        .pc = frame->pc,
        .code = sysreg_read(esr_el1),
    };
    if (kind == VECTOR_SYNCHRONOUS)
        take_exception(&trap);
    if (kind == VECTOR_IRQ) {
        // What has gone by the time that it is claimed was nothing.
        if (!take_timer())
            return;
        trap.cause = TRAP_TIMER;
    }
    trap_handle(frame, &trap);
}

_Noreturn void trap_overflow(void) {
    const struct trap trap = {
        .cause = TRAP_STACK_OVERFLOW,
        .address = sysreg_read(far_el1),
        .pc = sysreg_read(elr_el1),
        .code = sysreg_read(esr_el1),
    };
    trap_handle(NULL, &trap);
    __builtin_unreachable();
}

// Whose floating-point registers are in the CPU: the running thread's while it has a user mode.
// Threads without one leave them there.
static struct fp_registers *loaded;

static struct user_frame *user_frame_of(struct trap_frame *frame) {
    return (struct user_frame *)frame;
}

struct trap_frame *trap_user_frame(void *kernel_stack) {
    return &((struct user_frame *)kernel_stack - 1)->frame;
}

void trap_frame_start(struct trap_frame *frame, uint64_t pc, uint64_t stack) {
    struct fp_registers *fp = &user_frame_of(frame)->fp;
    *frame = (struct trap_frame){.pc = pc, .sp = stack, .status = SPSR_EL0};
    *fp = (struct fp_registers){0};
    if (loaded == fp)
        fp_load(fp);
}

void trap_frame_copy(struct trap_frame *to, struct trap_frame *from) {
    if (loaded == &user_frame_of(from)->fp)
        fp_save(loaded);
    *user_frame_of(to) = *user_frame_of(from);
    to->x[REG_RESULT] = 0;
}

void trap_switch(struct trap_frame *from, struct trap_frame *to) {
    (void)from;
    if (to == NULL || loaded == &user_frame_of(to)->fp)
        return;
    if (loaded != NULL)
        fp_save(loaded);
    loaded = &user_frame_of(to)->fp;
    fp_load(loaded);
}

void trap_frame_set_stack(struct trap_frame *frame, uint64_t stack) { frame->sp = stack; }

void trap_frame_set_tls(struct trap_frame *frame, uint64_t thread_pointer) {
    frame->tls = thread_pointer;
}

// The CPU's pc is that of the instruction after SVC already.
struct trap_syscall trap_frame_syscall(struct trap_frame *frame) {
    struct trap_syscall call = {.number = frame->x[REG_NUMBER]};
    for (unsigned i = 0; i < sizeof(call.argument) / sizeof(call.argument[0]); i++)
        call.argument[i] = frame->x[i];
    return call;
}

void trap_frame_return(struct trap_frame *frame, int64_t result) {
    frame->x[REG_RESULT] = (uint64_t)result;
}

bool trap_frame_own_syscall(struct trap_frame *frame, const struct trap_syscall *call,
                            int64_t *result) {
    (void)frame, (void)call, (void)result;
    return false;
}

_Noreturn void trap_enter_user(struct trap_frame *frame) {
    __asm__ volatile("msr daifset, #2" ::: "memory");
    vector_resume(frame);
}
