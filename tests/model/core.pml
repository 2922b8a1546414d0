/* The core's part of the protocol, for the models beside this file: what kernel/object/portal.c,
 * kernel/object/task.c and kernel/exit/commit.c do with records. The core can't be interrupted, so
 * each of these is part of one indivisible step (d_step) of whoever enters it.
 *
 *   struct task    state, serving, portal,     `hung`: it loops for ever, its deadline runs
 *                  leaving                     `gone`: the process that plays it has let go
 *   struct portal  waiting, receiver, held,    `queue`: head … tail
 *                  signals
 *   struct record  portal, server, seq,        `deaths`: what `attempt` is to be: how many servers
 *                  attempt (in info)           have died on this very one
 *
 * vCPUs' records come first, so a record below VCPUS is an exit. Left out: the short ways
 * (cpu->fast, task->arriving), which tests/unit/kernel/fast_test.c holds against the long ones.
 *
 * To be defined before: VCPUS, TASKS, PORTALS, INIT (task and portal of init, which never dies).
 */
#define NOBODY 255

#define R_CALL(t) (VCPUS + (t))
#define R_FAULT(t) (VCPUS + TASKS + (t))
#define R_SIGNAL(p) (VCPUS + 2 * TASKS + (p))
#define RECORDS (VCPUS + 2 * TASKS + PORTALS)

#define IS_EXIT(r) ((r) < VCPUS)
#define IS_CALL(r) (VCPUS <= (r) && (r) < VCPUS + TASKS)
#define IS_FAULT(r) (VCPUS + TASKS <= (r) && (r) < VCPUS + 2 * TASKS)
#define IS_SIGNAL(r) (VCPUS + 2 * TASKS <= (r) && (r) < RECORDS)

mtype = { DEAD, READY, WAITING, CALLING };

typedef Task {
    mtype state;
    byte serving;
    byte portal;
    byte leaving;
    bool hung;
    bool gone;
    byte fault_on;      /* FAULT_WORD_INFO: the record it died on */
    byte fault_attempt; /* FAULT_WORD_ATTEMPT */
};

typedef Portal {
    byte waiting;
    byte receiver;
    byte held;
    bool signals;
};

typedef Record {
    byte portal;
    byte server;
    byte seq;
    byte attempt;
    byte deaths;
};

Task task[TASKS];
Portal portal[PORTALS];
Record record[RECORDS];
chan queue[PORTALS] = [RECORDS] of { byte };

#define LIVES(t) (task[t].state != DEAD && !task[t].hung)

/* Fails when the place is reached, to show that it can be: -DSEE=AGAIN. */
#ifndef SEE
#define SEE 0
#endif
#define AGAIN 1
#define FLUSH 2
#define STOPPED 3
#define MIGRATED_DEAD 4
#define NEWER_REFUSED 5
#define HELD 6
#define SEEN(what) assert(SEE != what)

hidden byte x_t, x_p, x_r, x_n, x_i; /* scratch, never kept from one step to the next */

/* Another one than the last: nobody has died on it. */
inline record_begin(r) {
    record[r].deaths = 0;
#ifndef BUG_ATTEMPTS_PILE_UP
    record[r].attempt = 0
#endif
}

inline task_receive(t, r) {
    record[r].server = t;
    task[t].serving = r;
    task[t].state = READY
}

inline portal_hand(p, r) {
    x_t = portal[p].waiting;
    portal[p].waiting = NOBODY;
    task_receive(x_t, r)
}

inline portal_send(p, r) {
    record[r].portal = p;
    if
    :: portal[p].waiting != NOBODY -> portal_hand(p, r)
    :: else -> record[r].server = NOBODY; queue[p]!r
    fi
}

/* Back before all others. Nobody waits there: who served it is unbound by now, and who is bound
 * next is not admitted before. */
inline portal_send_again(r) {
    x_p = record[r].portal;
    assert(portal[x_p].waiting == NOBODY);
    record[r].server = NOBODY;
    record[r].attempt++;
    record[r].deaths++;
    assert(record[r].attempt == record[r].deaths);
#ifdef BUG_NEW_SEQ_ON_RESEND
    record[r].seq++;
#endif
    x_n = len(queue[x_p]);
    queue[x_p]!r;
    do
    :: x_n > 0 -> queue[x_p]?x_r; queue[x_p]!x_r; x_n--
    :: else -> break
    od
}

inline portal_cancel(r) {
    if
    :: record[r].portal == NOBODY
    :: else ->
        if
        :: record[r].server != NOBODY -> task[record[r].server].serving = NOBODY
        :: else -> queue[record[r].portal]??eval(r)
        fi;
        record[r].server = NOBODY;
        record[r].portal = NOBODY
    fi
}

inline portal_signal(p) {
    if
    :: record[R_SIGNAL(p)].portal == NOBODY ->
        record_begin(R_SIGNAL(p));
        portal_send(p, R_SIGNAL(p))
    :: else ->
#ifndef BUG_SIGNAL_FORGOTTEN
        portal[p].signals = true
#else
        skip
#endif
    fi
}

inline portal_signal_done(p) {
    if
    :: portal[p].signals ->
        portal[p].signals = false;
        record_begin(R_SIGNAL(p));
        portal_send(p, R_SIGNAL(p))
    :: else
    fi
}

inline portal_admit(p) {
    x_t = portal[p].receiver;
    portal[p].held = NOBODY;
    if
    :: x_t == NOBODY || task[x_t].state != WAITING
    :: else ->
        if
        :: len(queue[p]) > 0 -> queue[p]?x_r; task_receive(x_t, x_r)
        :: else -> portal[p].waiting = x_t
        fi
    fi
}

inline portal_bind(p, t) {
    x_t = portal[p].receiver;
    if
    :: x_t != NOBODY ->
        task[x_t].portal = NOBODY;
        portal[p].waiting = NOBODY;
#ifndef BUG_ADMIT_AT_ONCE
        if
        :: (task[x_t].state == READY || task[x_t].state == CALLING) && portal[p].held == NOBODY ->
            portal[p].held = x_t;
            task[x_t].leaving = p
        :: else
        fi
#endif
    :: else
    fi;
    portal[p].receiver = t;
    task[t].portal = p;
    if
    :: task[t].leaving != NOBODY -> task[t].leaving = NOBODY; portal[p].held = NOBODY
    :: else
    fi;
    if
    :: portal[p].held == NOBODY -> portal_admit(p)
    :: else
    fi
}

inline portal_unbind(t) {
    x_p = (task[t].leaving != NOBODY -> task[t].leaving : task[t].portal);
    if
    :: x_p == NOBODY
    :: else ->
        if
        :: portal[x_p].held == t -> portal[x_p].held = NOBODY
        :: else
        fi;
        if
        :: portal[x_p].receiver != NOBODY -> task[portal[x_p].receiver].portal = NOBODY
        :: else
        fi;
        portal[x_p].receiver = NOBODY;
#ifndef BUG_WAITING_STAYS
        portal[x_p].waiting = NOBODY;
#endif
        task[t].leaving = NOBODY
    fi
}

inline task_wait(t) {
    task[t].serving = NOBODY;
    task[t].state = WAITING;
    x_p = task[t].portal;
    if
    :: x_p == NOBODY ->
        x_p = task[t].leaving;
        task[t].leaving = NOBODY;
        if
        :: x_p != NOBODY -> portal_admit(x_p)
        :: else
        fi
    :: x_p != NOBODY && portal[x_p].held != NOBODY
    :: x_p != NOBODY && portal[x_p].held == NOBODY && len(queue[x_p]) > 0 ->
        queue[x_p]?x_r;
        task_receive(t, x_r)
    :: else -> portal[x_p].waiting = t
    fi
}

inline task_die(t) {
    x_i = task[t].serving;
    task[t].state = DEAD;
    task[t].hung = false;
    task[t].fault_on = x_i;
    portal_unbind(t);
    if
    :: x_i != NOBODY ->
        task[t].serving = NOBODY;
#ifdef BUG_FORGET_PENDING
        record[x_i].portal = NOBODY;
        record[x_i].server = NOBODY;
#else
        portal_send_again(x_i);
#endif
        task[t].fault_attempt = record[x_i].attempt
    :: else
    fi;
#ifndef BUG_CALL_NOT_CANCELLED
    portal_cancel(R_CALL(t));
#endif
    portal_send(INIT, R_FAULT(t))
}

/* DESTROY by init, who knows already. Nobody died on what it served, if it did. */
inline task_end(t) {
    if
    :: task[t].state != DEAD ->
        task_die(t);
        x_i = task[t].fault_on;
        if
        :: x_i != NOBODY ->
            record[x_i].deaths--;
#ifndef BUG_ENDING_COUNTS
            record[x_i].attempt--
#endif
        :: else
        fi
    :: else
    fi;
    portal_cancel(R_FAULT(t))
}

/* SYSCALL_CALL: the caller goes on when it is READY again. */
inline call(t, p) {
    task[t].state = CALLING;
    record_begin(R_CALL(t));
    portal_send(p, R_CALL(t))
}

/* The part of commit_reply that is the same for all records. What an exit's answer does to the
 * guest comes before it, in the same step. */
inline reply_wait(t) {
    x_i = task[t].serving;
    if
    :: x_i == NOBODY /* whoever waited for it is gone */
    :: else ->
        record[x_i].portal = NOBODY;
        record[x_i].server = NOBODY;
        if
        :: IS_CALL(x_i) -> task[x_i - VCPUS].state = READY
        :: IS_SIGNAL(x_i) -> portal_signal_done(x_i - (VCPUS + 2 * TASKS))
        :: else
        fi
    fi;
    task_wait(t)
}

/* CREATE and TASK_START; BIND comes before or after. */
inline task_start(t) {
    task[t].gone = false;
    task[t].serving = NOBODY;
    task[t].state = READY
}

inline core_start() {
    for (x_i : 0 .. TASKS - 1) {
        task[x_i].state = DEAD;
        task[x_i].serving = NOBODY;
        task[x_i].portal = NOBODY;
        task[x_i].leaving = NOBODY;
        task[x_i].gone = true
    }
    for (x_i : 0 .. PORTALS - 1) {
        portal[x_i].waiting = NOBODY;
        portal[x_i].receiver = NOBODY;
        portal[x_i].held = NOBODY
    }
    for (x_i : 0 .. RECORDS - 1) {
        record[x_i].portal = NOBODY;
        record[x_i].server = NOBODY
    }
    task[INIT].state = WAITING;
    portal_bind(INIT, INIT)
}
