/* A planned replacement: the next version of a server is prepared while the old one serves, gets its
 * portal, takes over its state or refuses; and crashes anywhere.
 *
 * Run by `tools/exeunt test model`. Replaced is by version 2, by version 1 again, or by one that finds
 * that it can't read the state; old and new can die or hang at any step, CRASHES times in all, the
 * old one also while it is only kept. Checked:
 *   none lost, none doubled   what the guest prints appears once, whoever serves
 *   undone is undone          after a refusal, or a death before the state was the new version's, it
 *                             is the old one's as it was (replace_undo), and the old one goes on
 *   newer is not read         a state that version 2 wrote is refused by version 1
 *   no exit stuck             and no replacement either: each is decided in the end (Observer)
 *   no VM lost                unless three servers died on one record or in a row at their start
 *
 * here                      in C
 * slot[v], version          libs/state/state.c: slot 2 is the migrated image, `version` the word that
 *                           says which counts: header->moved, later header->version. A commit is one
 *                           step; exit.pml has its parts
 * device                    what only one server can have set up: a UART, a disk's queues
 * Body                      libs/rt/rt.c rt_succeed and begin; servers/sbi-server/main.c take_over
 * PREPARED, TAKEN, REFUSED  ipc/init.h INIT_READY, INIT_TAKEN, INIT_REFUSED
 * image                     the ELF file that a body was started from
 * body, file, writes, …     servers/init/init.h struct server; outcome, new_…: replace.c
 * handle_call, handle_fault servers/init/handle.c; replace_…: replace.c; server_…: server.c
 * Monitor                   INIT_REPLACE (ipc/monitor.h)
 * portal_bind, held         core.pml; kernel/object/portal.c
 */
#ifndef EXITS
#define EXITS 2
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef REPLACEMENTS
#define REPLACEMENTS 1
#endif
#define ATTEMPTS_MAX 3

#define VCPUS 1
#define TASKS 4
#define PORTALS 2
#define INIT 0 /* task and portal */
#define A 1    /* the two bodies: one serves, in the other the next version is prepared */
#define B 2
#define MONITOR 3
#define SERVER 1 /* the portal */

#include "core.pml"

mtype = { RUNNING, EXITED, OFF };
mtype = { PREPARED, TAKEN, REFUSED, REPLACE };                       /* enum init_op */
mtype = { NONE, PREPARING, SWITCHING, REPLACED, UNDONE };           /* enum monitor_outcome */

#define REFUSING 10 /* an image of version 2 that can't read the state all the same */
#define VERSION(image) ((image) % 8)

mtype vcpu = RUNNING;
bool finished;
byte prints, shown, answer;

/* The state region: what each version's slot says, and the word that says which counts. */
typedef Slot {
    byte head;
    byte seq;
};
Slot slot[3];
byte version = 1;
byte device; /* the body that has set it up last */

byte image[TASKS]; /* what each body was started from */
mtype op[TASKS];   /* of its call to init */

/* init's struct server, and replace.c's `replacement`. */
byte body = A, file = 1, writes = 1;
bool taken;
byte early, restarts;
mtype outcome = NONE;
byte new_file, new_writes;
bool stopped;

byte crashes = CRASHES;

#define SPARE (A + B - body)
#define SERVES(t) (task[t].state == READY)
#define LOST(t) (!task[t].gone && (task[t].state == DEAD || task[t].hung))
#define ON (outcome == PREPARING || outcome == SWITCHING)

proctype Guest() {
    do
    :: prints < EXITS && vcpu == RUNNING ->
        d_step {
            prints++;
            record[0].seq++;
            record_begin(0);
            vcpu = EXITED;
            portal_send(SERVER, 0)
        }
        (vcpu != EXITED);
        assert(vcpu == OFF || answer == prints)
    :: else -> break
    od;
    finished = true
}

#define TELL(b, what)                                                             \
    d_step { op[b] = what; call(b, INIT) }                                        \
    SERVES(b)

/* libs/rt/rt.c rt_succeed and begin, and sbi-server's part of it in short: exit.pml has the steps
 * of a commit, which is one here. */
proctype Body(byte b) {
    byte mine;
end:
    (!task[b].gone);
    {
        mine = VERSION(image[b]);
        TELL(b, PREPARED);
        d_step { reply_wait(b) }
        assert(SEE != HELD || portal[SERVER].held == NOBODY);
end_first:
        SERVES(b);
        if
#ifdef BUG_NEWER_STATE_READ
        :: image[b] == REFUSING ->
#else
        :: image[b] == REFUSING || version > mine ->
#endif
            TELL(b, REFUSED);
            d_step { task_die(b) }
            false
        :: else
        fi;
        if
        :: version < mine ->
            d_step { slot[mine].head = slot[version].head; slot[mine].seq = slot[version].seq }
            version = mine /* the one word: header->moved */
        :: else
        fi;
        d_step { shown = slot[mine].head; assert(shown <= prints) }
#ifdef BUG_DEVICE_BEFORE_TAKEN
        device = b;
#endif
        TELL(b, TAKEN);
        device = b;
end_wait:
        do
        :: SERVES(b) ->
            if
            :: task[b].serving == 0 ->
                assert(device == b);
                if
                :: slot[mine].seq == record[0].seq
                :: else -> d_step { slot[mine].head++; slot[mine].seq = record[0].seq }
                fi;
                d_step { shown = slot[mine].head; assert(shown <= prints) }
                d_step {
                    if
                    :: task[b].serving == 0 -> answer = slot[mine].head; vcpu = RUNNING
                    :: else
                    fi;
                    reply_wait(b)
                }
            :: else -> d_step { reply_wait(b) }
            fi
        od
    } unless { LOST(b) }
    d_step { (task[b].state == DEAD) -> task[b].gone = true; mine = 0; op[b] = 0 }
    goto end
}

inline body_start(b, from) {
    d_step { task[b].gone -> image[b] = from; task_start(b) }
}

inline body_end(b) {
    d_step { task_end(b) }
    (task[b].gone)
}

/* One that has died meanwhile can't be bound, and its death is on its way to init; one that is bound
 * is so still, because its successor had died before. */
inline server_bind(b) {
    d_step {
        if
        :: task[b].state != DEAD && task[b].portal == NOBODY -> portal_bind(SERVER, b)
        :: else ->
#ifdef BUG_BIND_MUST_SUCCEED
            assert(false)
#else
            skip
#endif
        fi
    }
    d_step { portal_signal(SERVER) }
}

inline server_restart() {
    body_end(body);
    taken = false;
    body_start(body, file);
    server_bind(body)
}

inline replace_undo() {
    assert(version == writes); /* as if nothing had been asked */
    body_end(SPARE);
    if
    :: outcome == SWITCHING -> server_bind(body)
    :: else
    fi;
    outcome = UNDONE
}

inline replace_swap() {
    body_end(body);
    d_step {
        body = SPARE;
        file = new_file;
        writes = new_writes
    }
}

#define MIGRATED (outcome == SWITCHING && version > writes)

/* The old one died. First the new one is ended, then is looked how far it had come. */
inline replace_abandon() {
#ifdef BUG_LOOK_BEFORE_END
    if
    :: MIGRATED -> d_step { file = new_file; writes = new_writes; outcome = REPLACED }
    :: else -> outcome = UNDONE
    fi;
    body_end(SPARE)
#else
    body_end(SPARE);
#ifndef BUG_NEVER_LOOK
    if
    :: MIGRATED -> d_step { file = new_file; writes = new_writes; outcome = REPLACED }
    :: else -> outcome = UNDONE
    fi
#else
    outcome = UNDONE
#endif
#endif
}

inline handle_call(b) {
    if
    :: op[b] == PREPARED && b != body && outcome == PREPARING ->
        new_writes = VERSION(image[b]);
        if
#ifndef BUG_NEWER_STATE_READ
        :: version > new_writes -> SEEN(NEWER_REFUSED); replace_undo()
#endif
        :: else ->
#ifdef BUG_END_OLD_BEFORE_ADOPT
            body_end(body);
#endif
            outcome = SWITCHING;
            server_bind(b)
        fi
    :: op[b] == PREPARED && b == body -> writes = VERSION(image[b])
    :: op[b] == TAKEN ->
        if
        :: b != body && outcome == SWITCHING -> replace_swap(); outcome = REPLACED
        :: else
        fi;
        d_step { taken = true; early = 0 }
    :: op[b] == REFUSED && b != body && outcome == SWITCHING -> replace_undo()
    :: op[b] == REPLACE ->
        if
        :: ON || stopped
        :: else -> outcome = PREPARING; body_start(SPARE, new_file)
        fi
    :: else
    fi
}

inline handle_fault(b) {
    if
    :: b != body && ON ->
        if
        :: MIGRATED -> SEEN(MIGRATED_DEAD); replace_swap(); server_restart(); outcome = REPLACED
        :: else -> replace_undo()
        fi
    :: else ->
        if
        :: ON -> replace_abandon()
        :: else
        fi;
        d_step {
            early = (taken -> 0 : early + 1);
            if
            :: task[b].fault_on == 0 && task[b].fault_attempt >= ATTEMPTS_MAX ||
                    early >= ATTEMPTS_MAX ->
                assert(CRASHES - crashes >= ATTEMPTS_MAX);
                portal_cancel(0);
                vcpu = OFF;
                stopped = true
            :: else
            fi
        }
        if
        :: early >= ATTEMPTS_MAX
        :: else -> server_restart()
        fi
    fi
}

proctype Init() {
    byte r;
end:
    do
    :: d_step { SERVES(INIT) -> r = task[INIT].serving }
        if
        :: r == NOBODY /* who called has died */
        :: IS_CALL(r) -> r = r - VCPUS; handle_call(r)
        :: IS_FAULT(r) -> r = r - VCPUS - TASKS; handle_fault(r)
        fi;
        d_step { reply_wait(INIT); r = 0 }
    od
}

proctype Monitor() {
    byte n;
    do
    :: n < REPLACEMENTS ->
        n++;
        atomic {
            !ON;
            if
            :: new_file = 2
            :: new_file = 1
            :: new_file = REFUSING
            fi
        }
        TELL(MONITOR, REPLACE)
    :: else -> break
    od
}

inline strike(t) {
    if
    :: d_step { LIVES(t) && crashes > 0 -> crashes--; task_die(t) }
    :: d_step { SERVES(t) && LIVES(t) && crashes > 0 -> crashes--; task[t].hung = true }
    :: d_step { task[t].hung -> task_die(t) }
    fi
}

proctype Fate() {
end:
    do
    :: strike(A)
    :: strike(B)
    od
}

proctype Observer() {
end:
    timeout;
    assert(finished && (stopped || shown == prints));
    assert(outcome != PREPARING && outcome != SWITCHING)
}

init {
    atomic {
        d_step {
            core_start();
            image[A] = 1;
            task_start(A);
            portal_bind(SERVER, A);
            portal_signal(SERVER);
            task[MONITOR].state = READY
        }
        run Init();
        run Body(A);
        run Body(B);
        run Monitor();
        run Guest();
        run Fate();
        run Observer()
    }
}
