/* A planned replacement: the next version of a server is prepared while the old one serves, gets
 * its portal, takes over its state or refuses; and crashes anywhere.
 *
 * Run by `tools/exeunt test model`. Replaced is by version 2, by version 1 again, or by one that
 * finds that it can't read the state; old and new can die at any step, CRASHES times in all, the
 * old one also while it is only kept. Checked:
 *   none lost, none doubled   what the guest prints appears once, whoever serves
 *   undone is undone          after a refusal, or a death before the state was the new version's,
 *                             it is the old one's as it was, and the old one goes on; from its
 *                             start when the new one may have touched its device
 *   newer is not read         a state that version 2 wrote is refused by version 1
 *   no exit stuck             and no replacement either: each is decided in the end (Observer)
 *   no VM lost                unless three servers died on one record or in a row at their start
 *
 * here                      in C
 * slot[v], version          libs/state/state.c: slot 2 is the migrated image, `version` the word
 *                           that says which counts: header->moved, later header->version. A commit
 *                           is one step; exit.pml has its parts
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
byte early;
mtype outcome = NONE;
byte new_file;
bool stopped;

byte crashes = CRASHES;

#define SPARE (A + B - body)
#define SERVES(t) (task[t].state == READY)
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
#define MINE VERSION(image[b])

proctype Body(byte b) {
end:
    (!task[b].gone);
    {
        TELL(b, PREPARED);
        d_step { reply_wait(b) }
        assert(SEE != HELD || portal[SERVER].held == NOBODY);
end_first:
        SERVES(b);
        if
#ifdef BUG_NEWER_STATE_READ
        :: image[b] == REFUSING ->
#else
        :: image[b] == REFUSING || version > MINE ->
#endif
            TELL(b, REFUSED);
            d_step { task_die(b) }
            false
        :: else
        fi;
        if
        :: version < MINE ->
            d_step { slot[MINE].head = slot[version].head; slot[MINE].seq = slot[version].seq }
            version = MINE /* the one word: header->moved */
        :: else
        fi;
        d_step { shown = slot[MINE].head; assert(shown <= prints) }
        device = b;
        TELL(b, TAKEN);
end_wait:
        do
        :: SERVES(b) ->
            if
            :: task[b].serving == 0 ->
                assert(device == b);
                if
                :: slot[MINE].seq == record[0].seq
                :: else -> d_step { slot[MINE].head++; slot[MINE].seq = record[0].seq }
                fi;
                d_step { shown = slot[MINE].head; assert(shown <= prints) }
                d_step {
                    if
                    :: task[b].serving == 0 -> answer = slot[MINE].head; vcpu = RUNNING
                    :: else
                    fi;
                    reply_wait(b)
                }
            :: else -> d_step { reply_wait(b) }
            fi
        od
    } unless { d_step { !task[b].gone && task[b].state == DEAD -> task[b].gone = true; op[b] = 0 } }
    goto end
}

inline body_start(b, from) {
    image[b] = from;
    task_start(b)
}

inline body_end(b) {
    d_step { task_end(b) }
    (task[b].gone)
}

/* One that has died meanwhile can't be bound, and its death is on its way to init; one that is
 * bound is so still, because its successor had died before. */
inline bind(b) {
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

inline server_restart() {
    body_end(body);
    d_step { task[body].gone -> body_start(body, file) }
    d_step { bind(body) }
    d_step { portal_signal(SERVER) }
}

/* After a death the old one begins anew, as far as it waits: its device may have been touched. One
 * that still served has kept its successor from beginning, so nothing was. */
inline replace_undo(touched) {
    body_end(SPARE);
    if
#ifndef BUG_DEVICE_TOUCHED
    :: d_step { touched && outcome == SWITCHING && task[body].state == WAITING ->
            outcome = UNDONE; taken = false }
        server_restart()
    :: d_step { outcome == SWITCHING && !(touched && task[body].state == WAITING) ->
            outcome = UNDONE; bind(body) }
#else
    :: d_step { outcome == SWITCHING -> outcome = UNDONE; bind(body) }
#endif
        d_step { portal_signal(SERVER) }
    :: d_step { outcome == PREPARING -> outcome = UNDONE }
    fi
}

inline replace_swap() {
    body_end(body);
    d_step { body = SPARE; became_new() }
}

inline became_new() {
    file = new_file;
    writes = VERSION(new_file);
    outcome = REPLACED
}

#define MIGRATED (outcome == SWITCHING && version > writes)

/* The old one died. First the new one is ended, then is looked how far it had come. */
inline replace_abandon() {
#ifdef BUG_LOOK_BEFORE_END
    if
    :: d_step { MIGRATED -> became_new() }
    :: d_step { !MIGRATED -> outcome = UNDONE }
    fi;
    body_end(SPARE)
#else
    body_end(SPARE);
    if
#ifndef BUG_NEVER_LOOK
    :: d_step { MIGRATED -> became_new() }
    :: d_step { !MIGRATED -> outcome = UNDONE }
#else
    :: outcome = UNDONE
#endif
    fi
#endif
}

inline handle_call(b) {
    if
    :: op[b] == PREPARED && b != body && outcome == PREPARING ->
        if
        :: !taken -> replace_undo(false) /* the old one has died meanwhile, or just begins */
#ifndef BUG_NEWER_STATE_READ
        :: taken && version > MINE -> SEEN(NEWER_REFUSED); replace_undo(false)
#endif
        :: else ->
#ifdef BUG_END_OLD_BEFORE_ADOPT
            body_end(body);
#endif
            d_step { outcome = SWITCHING; bind(b) }
            d_step { portal_signal(SERVER) }
        fi
    :: d_step { op[b] == PREPARED && b == body -> writes = MINE }
    :: op[b] == TAKEN && b != body && outcome == SWITCHING ->
        replace_swap();
        d_step { taken = true; early = 0 }
    :: d_step { op[b] == TAKEN && b == body -> taken = true; early = 0 }
    :: op[b] == REFUSED && b != body && outcome == SWITCHING ->
        assert(version == writes); /* as if nothing had been asked */
        replace_undo(false)
    :: op[b] == REPLACE && !ON && !stopped ->
        d_step { task[SPARE].gone -> outcome = PREPARING; body_start(SPARE, new_file) }
    :: else
    fi
}

inline handle_fault(b) {
    if
    :: b != body && MIGRATED ->
        SEEN(MIGRATED_DEAD);
        replace_swap();
        taken = false;
        server_restart()
    :: b != body && ON && !MIGRATED -> replace_undo(true)
    :: else ->
        if
        :: ON -> replace_abandon()
        :: else
        fi;
        d_step {
            early = (taken -> 0 : early + 1);
            taken = false;
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
        :: d_step { IS_CALL(r) -> r = r - VCPUS } handle_call(r)
        :: d_step { IS_FAULT(r) -> r = r - VCPUS - TASKS } handle_fault(r)
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

/* A hang is a death that comes later: exit.pml has it. */
#define STRIKE(t) d_step { LIVES(t) && crashes > 0 -> crashes--; task_die(t) }

proctype Fate() {
end:
    do
    :: STRIKE(A)
    :: STRIKE(B)
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
