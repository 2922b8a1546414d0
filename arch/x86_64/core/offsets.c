// The numbers that assembly needs, taken from the structs by the compiler: build/offsets.py turns
// this file's assembly into offsets.h. The second time round, with offsets.h there, the same lines
// are static asserts.
#include "arch/x86_64/core/boot.h"
#include "arch/x86_64/core/cpu.h"
#include "arch/x86_64/core/tables.h"
#include "arch/x86_64/core/vmcb.h"
#include "kernel/cpu.h"
#include "kernel/object/portal.h"
#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

#ifdef OFFSETS_CHECK
#include "offsets.h"
#define OFFSET(name, value) static_assert(name == (value), "offsets.h is stale");
#else
#define OFFSET(name, value) asm volatile("\n.ascii \"->" #name " %c0\"" ::"i"(value));
void offsets(void);
void offsets(void) {
#endif

// Of saved registers, vCPUs and tasks: from the end of the saved registers, where the stack pointer
// points to.
#define FROM_END(offset) ((int)(offset) - (int)sizeof(struct regs))
#define OFFSET_X(name) OFFSET(X_##name, FROM_END(offsetof(struct regs, x[REG_##name])))

OFFSET(REGS_SIZE, sizeof(struct regs))
OFFSET(REGS_TP, FROM_END(offsetof(struct regs, tp)))
OFFSET(REGS_PC, FROM_END(offsetof(struct regs, pc)))
OFFSET(REGS_SP, FROM_END(offsetof(struct regs, sp)))
OFFSET_X(RDI)
OFFSET_X(RSI)
OFFSET_X(RDX)
OFFSET_X(R10)
OFFSET_X(RAX)
OFFSET_X(RBX)
OFFSET_X(RBP)
OFFSET_X(VCPU_RAX)
OFFSET_X(VCPU_RDI)
OFFSET(CONTEXT_KIND, FROM_END(offsetof(struct context, kind)))
OFFSET(CONTEXT_QUICK, FROM_END(offsetof(struct context, quick)))
OFFSET(VCPU_FAST_PORTAL, FROM_END(offsetof(struct vcpu, fast_portal)))
OFFSET(VCPU_FAST_INFO, FROM_END(offsetof(struct vcpu, fast_info)))
OFFSET(VCPU_FAST_BADGE, FROM_END(offsetof(struct vcpu, fast_badge)))
OFFSET(VCPU_SEQ, FROM_END(offsetof(struct vcpu, record.seq)))
OFFSET(VCPU_VMCB, FROM_END(offsetof(struct vcpu, arch.vmcb)))
OFFSET(VMCB_SHADOW, FROM_END(PAGE_SIZE + offsetof(struct vmcb, shadow)))
OFFSET(VMCB_EXIT_CODE, FROM_END(PAGE_SIZE + offsetof(struct vmcb, exit_code)))
OFFSET(VMCB_EVENT, FROM_END(PAGE_SIZE + offsetof(struct vmcb, event)))
OFFSET(VMCB_CLEAN, FROM_END(PAGE_SIZE + offsetof(struct vmcb, clean)))
OFFSET(VMCB_CPL, FROM_END(PAGE_SIZE + offsetof(struct vmcb, cpl)))
OFFSET(VMCB_RIP, FROM_END(PAGE_SIZE + offsetof(struct vmcb, rip)))
OFFSET(VMCB_RAX, FROM_END(PAGE_SIZE + offsetof(struct vmcb, rax)))
OFFSET(VMCB_ALL_CLEAN, VMCB_CLEAN_ALL)
OFFSET(VMCB_EXIT_HYPERCALL, VMCB_EXIT_VMMCALL)
OFFSET(TASK_TRANSLATION, FROM_END(offsetof(struct task, translation)))
OFFSET(TASK_SERVING, FROM_END(offsetof(struct task, serving)))
OFFSET(TASK_ARRIVING, FROM_END(offsetof(struct task, arriving)))
OFFSET(TASK_RECEIVE_PC, FROM_END(offsetof(struct task, receive_pc)))
OFFSET(TASK_RECEIVE_SP, FROM_END(offsetof(struct task, receive_sp)))
OFFSET(TASK_PORTAL, FROM_END(offsetof(struct task, portal)))
OFFSET(TASK_STATE, FROM_END(offsetof(struct task, state)))
OFFSET(TASK_EXIT, FROM_END(offsetof(struct task, exit)))
OFFSET(TASK_CALL, FROM_END(offsetof(struct task, call)))
OFFSET(TASK_CAP, FROM_END(offsetof(struct task, cap)))
OFFSET(TASK_CAP_COUNT, FROM_END(offsetof(struct task, cap_count)))
OFFSET(TASK_STATE_READY, TASK_READY)
OFFSET(TASK_STATE_WAITING, TASK_WAITING)
OFFSET(TASK_STATE_CALLING, TASK_CALLING)

// Of all others: from their beginning.
OFFSET(CPU_STACK_TOP, offsetof(struct cpu, stack_top))
OFFSET(CPU_READY, offsetof(struct cpu, ready))
OFFSET(CPU_FAST, offsetof(struct cpu, fast))
OFFSET(CPU_FP, offsetof(struct cpu, fp))
OFFSET(TSS_RSP0, offsetof(struct task_state_segment, rsp0))
OFFSET(PORTAL_WAITING, offsetof(struct portal, waiting))
OFFSET(PORTAL_HEAD, offsetof(struct portal, head))
OFFSET(PORTAL_LOST, offsetof(struct portal, lost))
OFFSET(POOL_BASE, offsetof(struct pool, base))
OFFSET(POOL_PAGE, offsetof(struct pool, page))
OFFSET(POOL_GENERATION, offsetof(struct pool_page, generation))
OFFSET(CAP_SIZE, sizeof(struct cap))
OFFSET(CAP_TYPE, offsetof(struct cap, type))
OFFSET(CAP_RIGHTS, offsetof(struct cap, rights))
OFFSET(CAP_INDEX, offsetof(struct cap, index))
OFFSET(CAP_GENERATION, offsetof(struct cap, generation))
OFFSET(CAP_BASE, offsetof(struct cap, base))
OFFSET(CAP_TYPE_PORTAL, OBJECT_PORTAL)
OFFSET(CAP_RIGHT_CALL, RIGHT_CALL)
OFFSET(RECORD_PORTAL, offsetof(struct record, portal))
OFFSET(RECORD_SERVER, offsetof(struct record, server))
OFFSET(RECORD_WORD, offsetof(struct record, word))
OFFSET(RECORD_INFO, offsetof(struct record, info))
OFFSET(RECORD_PC, offsetof(struct record, pc))
OFFSET(RECORD_SEQ, offsetof(struct record, seq))
OFFSET(RECORD_BADGE, offsetof(struct record, badge))
OFFSET(RECORD_OWNER, offsetof(struct record, owner))
OFFSET(RECORD_OWNER_CALL, RECORD_CALL)
OFFSET(EXIT_CLASS_CALL, EXIT_CALL)
OFFSET(IMAGE_OFFSET, BOOT_IMAGE_OFFSET)
OFFSET(CR0_NO_FP, CR0_TASK_SWITCHED)
OFFSET(FLAGS_OF_TASK, RFLAGS_ONE | RFLAGS_INTERRUPTS)
OFFSET(FLAG_INTERRUPTS, RFLAGS_INTERRUPTS)

#ifndef OFFSETS_CHECK
}
#endif

static_assert(sizeof(struct regs) % 16 == 0, "the CPU aligns the stack that it pushes to");
static_assert(offsetof(struct regs, vector) == 17 * 8ul && offsetof(struct regs, pc) == 19 * 8ul,
              "vector.S pops them in this order");
static_assert(sizeof(struct pool_page) == 8, "vector.S multiplies by this with a scale");
static_assert(REG_RSI == REG_RDI + 1 && REG_RDX == REG_RSI + 1 && REG_R10 == REG_RDX + 1 &&
                  REG_R8 == REG_R10 + 1 && REG_R9 == REG_R8 + 1 && REG_R12 == REG_R9 + 1 &&
                  REG_R13 == REG_R12 + 1 && REG_RCX == REG_RBX + 1 && REG_RBP == REG_RCX + 1 &&
                  REG_R11 == REG_RBP + 1 && REG_R14 == REG_R11 + 1 && REG_R15 == REG_R14 + 1,
              "vector.S counts them");
