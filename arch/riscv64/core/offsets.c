// The numbers that assembly needs, taken from the structs by the compiler: build/offsets.py turns
// this file's assembly into offsets.h. The second time round, with offsets.h there, the same lines
// are static asserts.
#include "arch/riscv64/core/csr.h"
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

OFFSET(REGS_SSTATUS, offsetof(struct regs, sstatus))
OFFSET(REGS_HSTATUS, offsetof(struct regs, hstatus))
OFFSET(FP_FCSR, offsetof(struct fp_regs, fcsr))
OFFSET(CONTEXT_CPU, offsetof(struct context, cpu))
OFFSET(CONTEXT_KIND, offsetof(struct context, kind))
OFFSET(CONTEXT_QUICK, offsetof(struct context, quick))
OFFSET(CPU_STACK_TOP, offsetof(struct cpu, stack_top))
OFFSET(CPU_READY, offsetof(struct cpu, ready))
OFFSET(CPU_FAST, offsetof(struct cpu, fast))
OFFSET(CPU_NEXT_EVENT, offsetof(struct cpu, next_event))
OFFSET(VCPU_FAST_PORTAL, offsetof(struct vcpu, fast_portal))
OFFSET(VCPU_FAST_INFO, offsetof(struct vcpu, fast_info))
OFFSET(VCPU_FAST_BADGE, offsetof(struct vcpu, fast_badge))
OFFSET(VCPU_SEQ, offsetof(struct vcpu, record.seq))
OFFSET(VCPU_DEADLINE, offsetof(struct vcpu, deadline))
OFFSET(PORTAL_WAITING, offsetof(struct portal, waiting))
OFFSET(PORTAL_HEAD, offsetof(struct portal, head))
OFFSET(PORTAL_LOST, offsetof(struct portal, lost))
OFFSET(POOL_BASE, offsetof(struct pool, base))
OFFSET(POOL_PAGE, offsetof(struct pool, page))
OFFSET(POOL_GENERATION, offsetof(struct pool_page, generation))
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
OFFSET(RECORD_PORTAL, offsetof(struct record, portal))
OFFSET(RECORD_SERVER, offsetof(struct record, server))
OFFSET(RECORD_WORD, offsetof(struct record, word))
OFFSET(RECORD_OWNER_CALL, RECORD_CALL)
OFFSET(EXIT_CLASS_CALL, EXIT_CALL)
OFFSET(TASK_TRANSLATION, offsetof(struct task, translation))
OFFSET(TASK_SERVING, offsetof(struct task, serving))
OFFSET(TASK_ARRIVING, offsetof(struct task, arriving))
OFFSET(RECORD_INFO, offsetof(struct record, info))
OFFSET(RECORD_PC, offsetof(struct record, pc))
OFFSET(RECORD_SEQ, offsetof(struct record, seq))
OFFSET(RECORD_BADGE, offsetof(struct record, badge))
OFFSET(RECORD_OWNER, offsetof(struct record, owner))
OFFSET(TASK_GUEST_RIGHT, offsetof(struct task, guest_right))
OFFSET(TASK_RECEIVE_PC, offsetof(struct task, receive_pc))
OFFSET(TASK_RECEIVE_SP, offsetof(struct task, receive_sp))
OFFSET(TASK_RECEIVE_TP, offsetof(struct task, receive_tp))
OFFSET(SSTATUS_SPP_FS_BITS, SSTATUS_SPP_FS)
OFFSET(HSTATUS_SPV_BIT, HSTATUS_SPV)
OFFSET(HSTATUS_HU_BIT, HSTATUS_HU)
OFFSET(HVIP_TIMER_BIT, HVIP_TIMER)

#ifndef OFFSETS_CHECK
}
#endif

static_assert(sizeof(struct cap) == 24 && sizeof(struct pool_page) == 8,
              "vector.S multiplies by these with shifts");
