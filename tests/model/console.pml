/* The console server, byte by byte: a UART can't commit, so the store to it and the store that
 * counts the byte are neighbours, and the dead server's pc tells which of the two had happened.
 *
 * Run by `tools/exeunt test model`. The server can die between any two stores, CRASHES times, at
 * its start and during its repair too. Two clients write lines: a server's are whole, behind a
 * prefix, a guest's are cut short for them. Checked is what a reader of the screen sees
 * (show_byte): every byte once and in order, no line without its prefix, none with two, no line in
 * the middle of another; and that all is written in the end.
 *
 * here                      in C
 * open, ends, prefix, …     servers/console/state.h, changed in place, word by word
 * PUT                       servers/console/put.c; `window`: its pc is from console_put_sent up to
 *                           console_put_counted
 * finish_break, begin_line  servers/console/drain.c, with write_bytes and write_all (the stages);
 *                           CONSOLE_FLUSH is what forces a line out that has not ended
 * take_over, repair_count   servers/console/adopt.c console_adopt, count_sent
 * death_known, death_pc     servers/init/init.h death_pc: that of the first death since a server
 *                           took over, because the ones after it wrote nothing
 * saved                     task->context.regs: a task that waits has not saved its pc since it
 *                           was last interrupted, so its death says nothing about a byte
 * busy, notice              libs/uart: no room in the FIFO, and the interrupt that says when
 * look, serving, forced     the portal's queue in short; core.pml and exit.pml have all of it
 *
 * Left out: carriage returns, the monitor's line below all others (overlay.c), input.
 */
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef PAUSES /* of the UART */
#define PAUSES 0
#endif
#ifndef UNWANTED /* records whose sender dies while they are served */
#define UNWANTED 0
#endif
#define SERVER 0 /* the clients: a server, whose lines are whole, behind a prefix of one byte … */
#define GUEST 1  /* … and a guest, whose bytes are shown as they come */
#define NOBODY 3
#define AT_PREFIX 4 /* targets beside the clients */
#define AT_BREAK 5
#define PREFIX(c) ((c) == SERVER -> 1 : 0)
#define BYTES 2 /* of each client; the last one is a newline */
#define NEVER 15
#define ENDS_LINE(n) ((n) == BYTES - 1)

/* The rings: bytes are numbers, so the counters say all. */
byte head[2], tail[2];

/* struct console_state */
byte open = NOBODY, ends, prefix, breaks, target;
byte repair;

/* The server, as the core and init know it. */
mtype = { DEAD, READY, WAITING };
mtype state;
bool gone;      /* the process has let go */
bool look;      /* a record is queued: signal, interrupt or call */
bool serving;   /* one is being served, and will come again should the server die */
bool forced;    /* it is CONSOLE_FLUSH */
bool window;    /* its pc is between console_put_sent and console_put_counted */
bool saved;     /* so it was when its registers were last saved */
bool death_known, death_pc; /* what init hands on: there was a death, it was in the window */
bool taken;

/* The UART, and the screen as a reader sees it. */
bool busy, notice;
byte pauses = PAUSES;
byte shown[2], line = NOBODY, line_prefix;

byte crashes = CRASHES;
byte unwanted = UNWANTED;

inline show_byte() {
    if
    :: target == AT_BREAK -> assert(line != NOBODY); line = NOBODY
    :: target == AT_PREFIX ->
        assert(line_prefix == prefix && (prefix == 0 -> line == NOBODY : line == open));
        line = open;
        line_prefix++
    :: else ->
        assert(target == open && at == shown[target]);
        assert(line == target || (line == NOBODY && target == GUEST));
        assert(line_prefix == PREFIX(target));
        shown[target]++;
        line = (ENDS_LINE(at) -> NOBODY : target)
    fi;
    if
    :: line == NOBODY -> line_prefix = 0
    :: else
    fi
}

#define COUNT(counter, next)                                                      \
    d_step { counter = next; window = false }

/* console_put: two neighbouring stores. */
#define PUT(counter, next)                                                        \
    d_step { show_byte(); window = true }                                         \
    COUNT(counter, next)

inline finish_break() {
    if
    :: breaks ->
        open = NOBODY;
        atomic {
            if
            :: busy -> goto stop
            :: else
            fi;
            target = AT_BREAK
        }
        PUT(breaks, 0)
    :: else
    fi
}

inline begin_line() {
    if
    :: open != who ->
        if
        :: open != NOBODY -> breaks = 1
        :: else
        fi;
        finish_break();
        prefix = 0;
        ends = NEVER;
        open = who
    :: else
    fi;
    do
    :: atomic { prefix < PREFIX(who) ->
            if
            :: busy -> goto stop
            :: else
            fi;
            target = AT_PREFIX
        }
        PUT(prefix, prefix + 1)
    :: else -> break
    od
}

inline write_bytes() {
    begun = false;
    do
    :: at < until ->
        if
        :: !begun -> begin_line(); begun = true; target = who
        :: else
        fi;
        if
        :: atomic { busy -> goto stop }
        :: atomic { !busy && ENDS_LINE(at) -> ends = at + 1 }
            PUT(tail[who], at + 1);
            d_step { open = NOBODY; begun = false; at++ }
        :: !busy && !ENDS_LINE(at) ->
            PUT(tail[who], at + 1);
            at++
        fi
    :: else -> break
    od
}

/* INIT_TAKEN: from now on the death of this one is what counts. */
inline tell_taken() {
    d_step { taken = true; death_known = false; death_pc = false }
}

/* console_adopt. What a byte has to count as is written down before it is counted, so that it comes
 * out the same when this one dies as well, and the next is told of the same death. */
inline repair_count(counter) {
#ifdef BUG_COUNTED_AGAIN
    counter = counter + 1
#else
    if
    :: repair == 0 || repair < counter || repair - counter > 1 -> repair = counter + 1
    :: else
    fi;
    counter = repair
#endif
}

inline take_over() {
    if
    :: !death_pc -> repair = 0
    :: death_pc && target == AT_PREFIX -> repair_count(prefix)
    :: death_pc && target == AT_BREAK -> breaks = 0
    :: death_pc && target < AT_PREFIX -> repair_count(tail[target])
    fi;
    if
    :: open != NOBODY && tail[open] >= ends -> open = NOBODY
    :: else
    fi;
    notice = false; /* uart_begin */
#ifndef BUG_WRITES_BEFORE_TAKEN
    tell_taken()
#endif
}

proctype Console() {
    byte who, at, until, last, stage;
    bool begun, force;
end:
    (!gone);
    {
        d_step { state == READY -> state = WAITING }
end_wait:
        do
        :: d_step { look && state == WAITING ->
                look = false; serving = true; force = forced; forced = false; state = READY };
            if
            :: !taken -> take_over()
            :: else
            fi;
#ifndef BUG_REPAIR_KEPT
            repair = 0;
#endif
            finish_break();
            /* write_all. Stages 1 and 2: a server's line that is on the screen in part goes on;
             * 3: the guest; 4 and 5: servers' whole lines, then what is forced out. */
            stage = 1;
            do
            :: d_step { stage == 1 || stage == 4 ->
                    who = SERVER; at = tail[SERVER]; last = head[SERVER];
                    until = (last == BYTES -> BYTES : at);
                    if
                    :: stage == 1 && open != SERVER -> until = at; stage = 2
                    :: else
                    fi
                }
                write_bytes();
                stage++
            :: d_step { stage == 2 || stage == 5 ->
                    if
                    :: at < last && (open == SERVER || (stage == 5 && force)) -> until = last
                    :: else -> until = at
                    fi
                }
                if
                :: until > at || open == SERVER ->
                    write_bytes(); breaks = 1; finish_break()
                :: else
                fi;
                stage++
            :: d_step { stage == 3 -> who = GUEST; at = tail[GUEST]; until = head[GUEST] }
                write_bytes();
                stage++
            :: stage == 6 -> break
            od;
            goto done;
stop:
            atomic { notice = true; look = look || !busy }
done:
#ifdef BUG_WRITES_BEFORE_TAKEN
            if
            :: !taken -> tell_taken()
            :: else
            fi;
#endif
            atomic { serving = false; state = WAITING; stage = 0; at = 0; until = 0; last = 0 }
        od
    } unless { !gone && state == DEAD }
    d_step {
        gone = true;
        who = 0; at = 0; until = 0; last = 0; stage = 0; begun = false; force = false
    }
    goto end
}

#ifdef BUG_DEATH_PC_OVERWRITTEN
#define OVERWRITTEN true
#else
#define OVERWRITTEN false
#endif
#if defined(BUG_NO_DEATH_PC)
#define WINDOW false
#elif defined(BUG_PC_ONLY_IF_SERVING)
#define WINDOW (window && serving)
#else
#define WINDOW window
#endif
#ifdef BUG_STALE_PC
#define STALE saved
#else
#define STALE false
#endif

/* What task_die and handle_fault (servers/init/handle.c) do; it can come at any time. */
inline die() {
    if
    :: !death_known || OVERWRITTEN ->
        death_known = true;
        death_pc = (state == WAITING -> STALE : WINDOW)
    :: else
    fi;
    window = false; saved = false;
    taken = false;
    look = look || serving;
    serving = false;
    state = DEAD
}

proctype Fate() {
end:
    do
    :: d_step { crashes > 0 && state != DEAD -> crashes--; die() }
    :: d_step { state == DEAD && gone -> state = READY; gone = false; look = true }
    :: d_step { serving && unwanted > 0 -> unwanted--; serving = false }
#ifdef BUG_STALE_PC
    :: d_step { state == READY && saved != window -> saved = window } /* a tick */
#endif
    od
}

proctype Uart() {
end:
    do
    :: d_step { !busy && pauses > 0 -> busy = true; pauses-- }
    :: d_step { busy -> busy = false; look = look || notice }
    od
}

proctype Client(byte c) {
    do
    :: head[c] < BYTES -> head[c]++; look = true
    :: c == SERVER && head[c] == 1 && !forced -> d_step { forced = true; look = true }; break
    :: head[c] == BYTES -> break
    od;
    do
    :: head[c] < BYTES -> head[c]++; look = true
    :: else -> break
    od
}

proctype Observer() {
end:
    timeout;
    assert(shown[SERVER] == BYTES && shown[GUEST] == BYTES);
    assert(tail[SERVER] == BYTES && tail[GUEST] == BYTES)
}

init {
    atomic {
        state = READY;
        run Console();
        run Client(SERVER);
        run Client(GUEST);
        run Uart();
        run Fate();
        run Observer()
    }
}
