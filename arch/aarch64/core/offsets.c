// The numbers that assembly needs, taken from the structs by the compiler: build/offsets.py turns
// this file's assembly into offsets.h. The second time round, with offsets.h there, the same lines
// are static asserts.
#include "arch/aarch64/core/sysreg.h"
#include "kernel/cpu.h"
#include "kernel/object/portal.h"
#include "kernel/object/task.h"
#include "kernel/object/vcpu.h"

#ifdef OFFSETS_CHECK
#include "offsets.h"
#define OFFSET(name, value) static_assert(name == (value), "offsets.h is stale");
#else
#define OFFSET(name, value) asm volatile("\n.ascii \"->" #name " %0\"" ::"i"(value));
void offsets(void);
void offsets(void) {
#endif

OFFSET(REGS_SP, offsetof(struct regs, sp))
OFFSET(REGS_PC, offsetof(struct regs, pc))
OFFSET(REGS_TP, offsetof(struct regs, tp))
OFFSET(FP_FPCR, offsetof(struct fp_regs, fpcr))
OFFSET(CONTEXT_CPU, offsetof(struct context, cpu))
OFFSET(CONTEXT_KIND, offsetof(struct context, kind))
OFFSET(CONTEXT_QUICK, offsetof(struct context, quick))
OFFSET(CPU_STACK_TOP, offsetof(struct cpu, stack_top))
OFFSET(CPU_READY, offsetof(struct cpu, ready))
OFFSET(CPU_FAST, offsetof(struct cpu, fast))
OFFSET(CPU_FP, offsetof(struct cpu, fp))
OFFSET(VCPU_FAST_PORTAL, offsetof(struct vcpu, fast_portal))
OFFSET(VCPU_FAST_INFO, offsetof(struct vcpu, fast_info))
OFFSET(VCPU_SEQ, offsetof(struct vcpu, record.seq))
OFFSET(VCPU_HCR, offsetof(struct vcpu, arch.hcr))
OFFSET(PORTAL_WAITING, offsetof(struct portal, waiting))
OFFSET(PORTAL_HEAD, offsetof(struct portal, head))
OFFSET(PORTAL_LOST, offsetof(struct portal, lost))
OFFSET(POOL_BASE, offsetof(struct pool, base))
OFFSET(POOL_PAGE, offsetof(struct pool, page))
OFFSET(POOL_GENERATION, offsetof(struct pool_page, generation))
OFFSET(CAP_SIZE, sizeof(struct cap))
OFFSET(CAP_TYPE, offsetof(struct task, cap) + offsetof(struct cap, type))
OFFSET(CAP_RIGHTS, offsetof(struct task, cap) + offsetof(struct cap, rights))
OFFSET(CAP_INDEX, offsetof(struct task, cap) + offsetof(struct cap, index))
OFFSET(CAP_GENERATION, offsetof(struct task, cap) + offsetof(struct cap, generation))
OFFSET(CAP_BASE, offsetof(struct task, cap) + offsetof(struct cap, base))
OFFSET(CAP_TYPE_PORTAL, OBJECT_PORTAL)
OFFSET(CAP_RIGHT_CALL, RIGHT_CALL)
OFFSET(TASK_CAP_COUNT, offsetof(struct task, cap_count))
OFFSET(TASK_CALL, offsetof(struct task, call))
OFFSET(TASK_STATE, offsetof(struct task, state))
OFFSET(TASK_STATE_READY, TASK_READY)
OFFSET(TASK_STATE_WAITING, TASK_WAITING)
OFFSET(TASK_STATE_CALLING, TASK_CALLING)
OFFSET(TASK_EXIT, offsetof(struct task, exit))
OFFSET(TASK_PORTAL, offsetof(struct task, portal))
OFFSET(TASK_TRANSLATION, offsetof(struct task, translation))
OFFSET(TASK_SERVING, offsetof(struct task, serving))
OFFSET(TASK_ARRIVING, offsetof(struct task, arriving))
OFFSET(TASK_GUEST_RIGHT, offsetof(struct task, guest_right))
OFFSET(TASK_RECEIVE_PC, offsetof(struct task, receive_pc))
OFFSET(TASK_RECEIVE_TP, offsetof(struct task, receive_tp))
OFFSET(RECORD_PORTAL, offsetof(struct record, portal))
OFFSET(RECORD_SERVER, offsetof(struct record, server))
OFFSET(RECORD_WORD, offsetof(struct record, word))
OFFSET(RECORD_INFO, offsetof(struct record, info))
OFFSET(RECORD_SEQ, offsetof(struct record, seq))
OFFSET(RECORD_BADGE, offsetof(struct record, badge))
OFFSET(RECORD_OWNER, offsetof(struct record, owner))
OFFSET(RECORD_OWNER_CALL, RECORD_CALL)
OFFSET(EXIT_CLASS_CALL, EXIT_CALL)
OFFSET(CLASS_SVC, ESR_CLASS_SVC)
OFFSET(CLASS_HVC, ESR_CLASS_HVC)
OFFSET(HCR_HOST_LOW, (HCR_HOST) & 0xffffffff)
OFFSET(HCR_HOST_HIGH, (HCR_HOST) >> 32)
OFFSET(HCR_HOST_BITS, HCR_HOST)
OFFSET(CPTR_TASKS_TRAP, CPTR_FP_TASKS_TRAP)
OFFSET(CPTR_FREE, CPTR_FP_FREE)

#ifndef OFFSETS_CHECK
}
#endif

static_assert(offsetof(struct regs, sp) == 31 * 8ul && offsetof(struct regs, pstate) == 33 * 8ul,
              "vector.S stores and loads pairs");
static_assert(offsetof(struct vcpu, fast_badge) == offsetof(struct vcpu, fast_info) + 8,
              "vector.S loads them together");
static_assert(offsetof(struct task, receive_sp) == offsetof(struct task, receive_pc) + 8 &&
                  offsetof(struct task, receive_tp) == offsetof(struct task, receive_pc) + 16,
              "vector.S loads them together");
static_assert(offsetof(struct record, server) == offsetof(struct record, portal) + 8 &&
                  offsetof(struct record, pc) == offsetof(struct record, info) + 8 &&
                  offsetof(struct record, badge) == offsetof(struct record, seq) + 8,
              "vector.S stores and loads pairs");
static_assert(sizeof(struct pool_page) == 8, "vector.S multiplies by this with a shift");
