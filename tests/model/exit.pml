/* An exit, the servers that answer it, a state region, a ring, and crashes anywhere.
 *
 * Run by `tools/exeunt test model`. Each server can die or hang between any two of its steps, while
 * it waits and while it calls, CRASHES times in all: two at once, one again during its restart.
 * Checked:
 *   none lost, none doubled   every byte appears on the screen once and in order; every interrupt
 *                             is raised once; a page stays mapped; an answer is its own call's
 *   no exit stuck             when nothing can happen any more (Observer), every guest has come to
 *                             its end; and nothing happens for ever (no cycle at all, see model.py)
 *   no VM lost                unless three servers died on one record or in a row at their start
 *
 * here                      in C
 * Guest, forward            arch/riscv64/core/trap.c, kernel/exit/forward.c; REPLY_EXIT:
 *                           kernel/exit/commit.c commit_exit. That an answer commits as a whole is
 *                           one step here, because the core is not interrupted
 * slot, chosen              libs/state/state.c: the two slots and header->active; `now` is
 *                           state->current. attach: the first step of sbi_take_over
 * Sbi                       servers/sbi-server/firmware.c firmware_handle, serve.c hypercall,
 *                           firmware_resume
 * ring_head, ring_tail      ipc/ring.h; NO_ROOM: ring_writable
 * Console                   servers/console/handle.c; a byte and its count are one step here,
 *                           because console.pml is about the two
 * Pager                     npf-pager and timer-server: nothing to remember. RAISE is an interrupt
 *                           that is not the vCPU's own, TOUCH maps what may be mapped already
 * Init                      servers/init/handle.c handle_fault and handle_vm_end, server.c
 * taken, early              servers/init/init.h; INIT_TAKEN is a flag here, a call in replace.pml
 * Fate                      a fault, a kill, a hang; kernel/sched/tick.c finds who loops
 *
 * BUG_…: the protocol with one rule broken. Each has to be found (tools/exeunt_lib/model.py).
 */
#ifndef VCPUS
#define VCPUS 2
#endif
#ifndef EXITS
#define EXITS 2
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef PRINTS /* exits that print, for sbi-server and the console */
#define PRINTS 1
#endif
#ifndef OTHERS /* exits for servers without a state */
#define OTHERS 0
#endif
#define RING 1
#define ATTEMPTS_MAX 3

#define HAS_END (VCPUS == 1 && PRINTS)

#define TASKS 4
#define PORTALS 4
#define INIT 0
#define SBI 1
#define CONSOLE 2
#define PAGER 3

#include "core.pml"

mtype = { RUNNING, EXITED, OFF };
mtype = { PRINT, RAISE, TOUCH, END };

/* The guest. */
mtype vcpu[VCPUS];
mtype kind[VCPUS];
byte answer[VCPUS];
bool finished[VCPUS];

/* What the world sees. Counted, because a byte's identity is whose it is and which one. */
byte prints[VCPUS], shown[VCPUS];
byte raises, raised;
bool mapped;

/* sbi-server's state region, and the ring to the console. */
typedef Slot {
    byte head;
    byte seq[VCPUS];
    byte answer[VCPUS];
};
Slot slot[2];
bit chosen;
byte ring_data[RING], ring_head, ring_tail;

byte crashes = CRASHES;
hidden byte x_e; /* scratch */
byte early[TASKS];
bool taken[TASKS];
bool ended, stopped, given_up;

#define BYTE(v, n) ((v) * 16 + (n))
#define SERVES(t) (task[t].state == READY)
#define LETS_GO(t) (!task[t].gone && task[t].state == DEAD)

/* forward_exit */
inline forward(v, p) {
    record[v].seq++;
    record_begin(v);
    vcpu[v] = EXITED;
    portal_send(p, v)
}

/* commit_exit: the effects of an answer, then reply_wait. The exit may be nobody's any more. */
#define REPLY_EXIT(t, effect)                                                     \
    if                                                                            \
    :: task[t].serving != NOBODY -> effect; vcpu[task[t].serving] = RUNNING       \
    :: else                                                                       \
    fi;                                                                           \
    reply_wait(t)

proctype Guest(byte v) {
    byte n;
    do
    :: atomic { n < EXITS && vcpu[v] == RUNNING ->
            n++;
            if
#if PRINTS
            :: kind[v] = PRINT; prints[v]++
#endif
#if OTHERS
            :: kind[v] = RAISE; raises++
            :: kind[v] = TOUCH
#endif
            fi;
            d_step { forward(v, (kind[v] == PRINT -> SBI : PAGER)) }
        }
        atomic { vcpu[v] != EXITED ->
            assert(vcpu[v] == OFF || kind[v] != PRINT || answer[v] == prints[v]);
            assert(vcpu[v] == OFF || kind[v] != TOUCH || mapped);
            kind[v] = 0;
            answer[v] = 0
        }
    :: atomic { n == EXITS || vcpu[v] == OFF -> break }
    od;
#if HAS_END
    if
    :: atomic { vcpu[v] == RUNNING -> kind[v] = END; d_step { forward(v, SBI) } }
        (vcpu[v] != EXITED);
        assert(vcpu[v] == OFF)
    :: vcpu[v] == OFF
    fi;
#endif
    finished[v] = true
}

/* serve.c firmware_resume, in three steps that can be cut apart. */
inline sbi_take_over(now) {
    d_step {
        now = chosen;
        slot[1 - now].head = slot[now].head;
        for (x_i : 0 .. VCPUS - 1) {
            slot[1 - now].seq[x_i] = slot[now].seq[x_i];
            slot[1 - now].answer[x_i] = slot[now].answer[x_i]
        }
    }
#ifndef BUG_NO_RESUME
    ring_head = slot[now].head;
    d_step { portal_signal(CONSOLE) }
#endif
    taken[SBI] = true
}

inline sbi_commit(now) {
    d_step { chosen = 1 - now; now = 1 - now } /* the one word */
}

/* ring_writable: counters that contradict each other leave no room either. */
#define NO_ROOM (slot[now].head < ring_tail || slot[now].head - ring_tail >= RING)

proctype Sbi() {
    byte r, seq;
    bit now;
end:
    (!task[SBI].gone);
    {
        d_step { reply_wait(SBI) }
end_wait:
        do
        :: d_step { SERVES(SBI) -> r = task[SBI].serving; seq = (r == NOBODY -> 0 : record[r].seq) }
            if
            :: !taken[SBI] -> sbi_take_over(now)
            :: else
            fi;
            if
            :: IS_EXIT(r) && kind[r] == PRINT ->
                if
                :: slot[now].seq[r] == seq -> SEEN(AGAIN) /* answer_again */
                :: else ->
                    if
                    :: NO_ROOM -> SEEN(FLUSH); d_step { call(SBI, CONSOLE) } SERVES(SBI)
                    :: else
                    fi;
                    assert(!NO_ROOM); /* else the guest is told of a failure not its own */
                    d_step {
                        ring_data[slot[now].head % RING] = BYTE(r, prints[r]);
                        slot[1 - now].head = slot[now].head + 1
                    }
                    d_step { slot[1 - now].seq[r] = seq; slot[1 - now].answer[r] = prints[r] }
#ifdef BUG_PUBLISH_BEFORE_COMMIT
                    ring_head = slot[1 - now].head;
#endif
                    sbi_commit(now);
                    d_step {
                        slot[1 - now].head = slot[now].head;
                        slot[1 - now].seq[r] = slot[now].seq[r];
                        slot[1 - now].answer[r] = slot[now].answer[r]
                    }
                    ring_head = slot[now].head;
                    d_step { portal_signal(CONSOLE) }
                fi;
                d_step { REPLY_EXIT(SBI, answer[r] = slot[now].answer[r]) }
            :: IS_EXIT(r) && kind[r] == END ->
                d_step { call(SBI, INIT) }
                SERVES(SBI);
                d_step { reply_wait(SBI) }
            :: else ->
                d_step { reply_wait(SBI) }
            fi
        od
    } unless {
        if
        :: d_step { LETS_GO(SBI) -> task[SBI].gone = true; r = 0; seq = 0; now = 0 }
        :: task[SBI].hung ->
            d_step { LETS_GO(SBI) -> task[SBI].gone = true; r = 0; seq = 0; now = 0 }
        fi
    }
    goto end
}

proctype Console() {
    byte until;
end:
    (!task[CONSOLE].gone);
    {
        d_step { reply_wait(CONSOLE) }
end_wait:
        do
        :: d_step { SERVES(CONSOLE) -> taken[CONSOLE] = true; until = ring_head };
            do
            :: ring_tail < until ->
                d_step {
                    x_e = ring_data[ring_tail % RING];
                    shown[x_e / 16]++;
                    assert(shown[x_e / 16] == x_e % 16); /* none lost, none doubled */
                    ring_data[ring_tail % RING] = 0;
                    ring_tail++
                }
            :: else ->
                d_step { reply_wait(CONSOLE) };
                break
            od
        od
    } unless {
        if
        :: d_step { LETS_GO(CONSOLE) -> task[CONSOLE].gone = true; until = 0 }
        :: task[CONSOLE].hung -> d_step { LETS_GO(CONSOLE) -> task[CONSOLE].gone = true; until = 0 }
        fi
    }
    goto end
}

proctype Pager() {
    byte r;
end:
    (!task[PAGER].gone);
    {
        d_step { reply_wait(PAGER) }
end_wait:
        do
        :: d_step { SERVES(PAGER) -> taken[PAGER] = true; r = task[PAGER].serving };
            if
            :: IS_EXIT(r) && kind[r] == RAISE ->
#ifdef BUG_EFFECT_BEFORE_REPLY
                raised++;
                d_step { REPLY_EXIT(PAGER, skip) }
#else
                d_step { REPLY_EXIT(PAGER, raised++) }
#endif
            :: d_step { IS_EXIT(r) && kind[r] == RAISE && crashes > 0 -> crashes-- }
                /* An answer that the core refuses: no effect, and the record is held still. Who
                 * gives one ends itself over EXIT_REFUSED. */
#ifdef BUG_REFUSED_IN_PART
                raised++;
#endif
                d_step { task_die(PAGER) }
                false
            :: IS_EXIT(r) && kind[r] == TOUCH ->
#ifdef BUG_MAPPED_IS_REFUSED
                if
                :: mapped -> d_step { task_die(PAGER) } false
                :: else
                fi;
#endif
                d_step { REPLY_EXIT(PAGER, mapped = true) }
            :: else ->
                d_step { reply_wait(PAGER) }
            fi
        od
    } unless {
        if
        :: d_step { LETS_GO(PAGER) -> task[PAGER].gone = true; r = 0 }
        :: task[PAGER].hung -> d_step { LETS_GO(PAGER) -> task[PAGER].gone = true; r = 0 }
        fi
    }
    goto end
}

inline vm_stop() {
    for (x_e : 0 .. VCPUS - 1) {
        portal_cancel(x_e);
        vcpu[x_e] = OFF
    }
}

/* Three deaths on one record, or in a row before taking over: only if there were so many. */
inline vm_lose() {
#ifndef DIES_EARLY
    assert(CRASHES - crashes >= ATTEMPTS_MAX);
#endif
    vm_stop();
    SEEN(STOPPED);
    stopped = true
}

#define POISONED(t) (task[t].fault_on != NOBODY && task[t].fault_attempt >= ATTEMPTS_MAX)

inline handle_poisonous_call(who) {
    if
    :: task[who].state != DEAD -> task_die(who)
    :: else
    fi
}

inline handle_fault() {
    d_step {
#ifndef BUG_RESTART_FOR_EVER
        early[dead] = (taken[dead] -> 0 : early[dead] + 1);
#endif
        taken[dead] = false;
        x_e = (POISONED(dead) -> task[dead].fault_on : NOBODY);
        given_up = early[dead] >= ATTEMPTS_MAX || IS_SIGNAL(x_e);
        if
        :: given_up || IS_EXIT(x_e) -> vm_lose()
        :: !given_up && IS_CALL(x_e) -> handle_poisonous_call(x_e - VCPUS)
        :: else
        fi;
        task[dead].fault_on = 0;
        task[dead].fault_attempt = 0
    }
    if
    :: given_up -> d_step { given_up = false; reply_wait(INIT); r = 0; dead = 0 }
    :: else ->
        d_step { task[dead].gone -> task_end(dead); task_start(dead) }
        d_step {
            if
            :: task[dead].state != DEAD -> portal_bind(dead, dead)
            :: else /* its death is on its way here */
            fi;
            portal_signal(dead);
            reply_wait(INIT);
            r = 0; dead = 0
        }
    fi
}

proctype Init() {
    byte r, dead;
end:
    do
    :: d_step { SERVES(INIT) -> r = task[INIT].serving }
        if
        :: d_step { r == NOBODY -> reply_wait(INIT); r = 0 } /* who called has died */
        :: d_step { IS_CALL(r) -> vm_stop(); ended = true; reply_wait(INIT); r = 0 }
        :: d_step { IS_FAULT(r) -> dead = r - VCPUS - TASKS } handle_fault()
        fi
    od
}

/* Crashes anywhere, and the tick that notices hangs (kernel/sched/tick.c). */
inline strike(t) {
    if
    :: d_step { LIVES(t) && crashes > 0 -> crashes--; task_die(t) }
    :: d_step { SERVES(t) && LIVES(t) && crashes > 0 -> crashes--; task[t].hung = true }
    :: d_step { task[t].hung -> task_die(t) }
#ifdef DIES_EARLY /* for ever, and at no cost */
    :: d_step { LIVES(t) && task[t].serving == NOBODY && !taken[t] -> task_die(t) }
#endif
    fi
}

proctype Fate() {
end:
    do
    :: strike(SBI)
    :: strike(CONSOLE)
    :: strike(PAGER)
    od
}

proctype Observer() {
    byte v;
end:
    timeout;
    for (v : 0 .. VCPUS - 1) {
        assert(finished[v]);
        assert(stopped || shown[v] == prints[v])
    }
    assert(stopped || raised == raises);
    assert(stopped || ended || !HAS_END)
}

init {
    byte v;
    atomic {
        d_step {
            core_start();
#if PRINTS
            task_start(SBI);
            portal_bind(SBI, SBI);
            task_start(CONSOLE);
            portal_bind(CONSOLE, CONSOLE);
#endif
#if OTHERS
            task_start(PAGER);
            portal_bind(PAGER, PAGER);
#endif
            for (v : 0 .. VCPUS - 1) { vcpu[v] = RUNNING }
        }
        run Init();
        run Sbi();
        run Console();
        run Pager();
        for (v : 0 .. VCPUS - 1) { run Guest(v) }
        run Fate();
        run Observer()
    }
}
