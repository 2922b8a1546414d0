#!/bin/busybox sh
# The init of the Linux guest (tests/system/linux.py): checks the machine it finds itself on, prints
# one closing line, powers off. Made for 256 MB. On the kernel's command line, which hands it over as
# variables: `init_cpus`, how many CPUs there must be; `init_checks`, which checks are wanted, with commas
# between (all but the console's); `init_blocks`, how many blocks of 4 MB memory is filled with (25). With
# `none` of the checks only the way to here is of interest.

# No console device need exist: the kernel's own log reaches every console, early ones too. It takes
# one line a write, and so does echo.
exec >/dev/kmsg 2>&1

close() {
    echo "${init_level}linux-init: $*"
    busybox poweroff -f
    # An init must not end. Whoever waits for the closing line's machine finds it hanging here.
    while :; do busybox sleep 1000; done
}

fail() {
    close "FAILED: $*"
}

export PATH=/bin
busybox mount -t proc proc /proc || fail "no /proc"
cpus=${init_cpus:-$(busybox grep -c "^processor" /proc/cpuinfo)}

# Time since the kernel's start in hundredths of a second. "1.05" would be octal after the point.
now() {
    read -r up _ </proc/uptime
    echo $((${up%.*} * 100 + 1${up#*.} - 100))
}

read -r start _ </proc/uptime
echo "${init_level}linux-init: start at $start s, counter $(counter)"
if [ "$init_checks" = none ]; then
    # Where the console shows no more than emergencies.
    busybox dmesg | busybox grep "Run /init" | while read -r line; do echo "<0>$line"; done
    close "ok uptime-at-init=$start"
fi

busybox mount -t devtmpfs dev /dev || fail "no /dev"
busybox mount -t tmpfs -o size=75% tmp /tmp || fail "no tmpfs"
while read -r line; do
    [ -z "$line" ] || echo "cpuinfo: $line"
done </proc/cpuinfo

# ---- The clock counts what the timer makes us sleep: neither early nor late ----------------------
sleep_check() {
    before=$(now)
    for _ in 1 2 3; do
        busybox sleep 1 || fail "sleep cannot"
    done
    slept=$(($(now) - before))
    # Two readings, each cut to hundredths.
    if [ $slept -lt 299 ] || [ $slept -gt 310 ]; then
        fail "three sleeps of 1 s took $slept hundredths by the clock"
    fi
    said="$said sleep=$slept"
}

# ---- Two processes that never yield get half of one CPU each -------------------------------------
busy_time() { # of process $1, in hundredths: fields utime and stime of /proc/PID/stat
    pid=$1
    set -- $(busybox cat "/proc/$pid/stat")
    [ $# -gt 15 ] || fail "process $pid is not there"
    shift 13
    echo $(($1 + $2))
}

share_check() {
    busybox taskset -p 1 $$ >/dev/null || fail "init cannot be bound to a CPU"
    (while :; do :; done) &
    one=$!
    (while :; do :; done) &
    two=$!
    before=$(now)
    busybox sleep 1
    elapsed=$(($(now) - before))
    first=$(busy_time $one)
    second=$(busy_time $two)
    kill -9 $one $two
    wait $one $two
    busybox taskset -p $(((1 << cpus) - 1)) $$ >/dev/null
    both=$((first + second))
    if [ $both -lt $((elapsed * 9 / 10)) ] || [ $both -gt $((elapsed + 5)) ]; then
        fail "two busy processes got $first + $second of $elapsed hundredths"
    fi
    if [ $((first * 10)) -lt $((elapsed * 4)) ] || [ $((second * 10)) -lt $((elapsed * 4)) ]; then
        fail "two busy processes shared $elapsed hundredths unfairly: $first and $second"
    fi
    said="$said share=$first/$second"
}

# ---- Every process ends as it said ---------------------------------------------------------------
fork_check() {
    forks=0
    while [ $forks -lt 300 ]; do
        wanted=$((forks % 251))
        (exit $wanted)
        got=$?
        [ $got -eq $wanted ] || fail "fork $forks ended with $got instead of $wanted"
        forks=$((forks + 1))
    done
    execs=0
    while [ $execs -lt 50 ]; do
        got=$(busybox echo $execs)
        [ "$got" = $execs ] || fail "exec $execs said \"$got\""
        execs=$((execs + 1))
    done
    said="$said forks=$forks execs=$execs"
}

# ---- Memory keeps what was written ---------------------------------------------------------------
# Random blocks, each behind its number: no two pages are alike. The first sum is taken of the bytes
# on their way into memory, the other of what memory returns.
numbered_blocks() {
    block=0
    while [ $block -lt $blocks ]; do
        echo "block $block"
        busybox cat /tmp/block
        block=$((block + 1))
    done
}

memory_check() {
    blocks=${init_blocks:-25}
    busybox dd if=/dev/urandom of=/tmp/block bs=4M count=1 2>/dev/null || fail "no random block"
    wrote=$(numbered_blocks | busybox tee /tmp/data | busybox md5sum)
    megabytes=$(($(busybox stat -c %s /tmp/data) >> 20))
    [ $megabytes -eq $((blocks * 4)) ] || fail "only $megabytes MB were written to memory"
    read_back=$(busybox md5sum </tmp/data)
    [ "$wrote" = "$read_back" ] || fail "memory keeps $read_back of $wrote"
    busybox rm /tmp/data /tmp/block
    said="$said memory=${megabytes}M md5=${wrote%% *}"
}

# ---- Every CPU is there, runs what it is given, goes and comes back ------------------------------
expect_cpus() {
    found=$(busybox grep -c "^processor" /proc/cpuinfo)
    [ "$found" -eq "$1" ] || fail "$found CPUs instead of $1: $2"
}

# Where a process that is bound to CPU $1 runs: field `processor` of its own /proc/PID/stat.
expect_runs_on() {
    ran=$(busybox taskset $((1 << $1)) busybox cut -d " " -f 39 /proc/self/stat)
    [ "$ran" = "$1" ] || fail "what is bound to CPU $1 runs on \"$ran\""
}

# From each CPU to the next and back to the first: who waits for bytes is woken from another CPU.
expect_passed_on() {
    sent=$(busybox md5sum </bin/busybox)
    first="busybox taskset 1"
    last="busybox taskset $((1 << (cpus - 1)))"
    came=$($first busybox cat /bin/busybox | $last busybox cat | $first busybox cat |
        $last busybox md5sum)
    [ "$sent" = "$came" ] || fail "what CPUs hand to one another is $came instead of $sent"
}

cpu_check() {
    expect_cpus "$cpus" "at first"
    cpu=0
    while [ $cpu -lt "$cpus" ]; do
        expect_runs_on $cpu
        cpu=$((cpu + 1))
    done
    said="$said cpus=$cpus"
    [ "$cpus" -eq 1 ] && return
    expect_passed_on
    busybox mount -t sysfs sys /sys || fail "no /sys"
    cycle=0
    while [ $cycle -lt 6 ]; do
        cpu=$((cycle % (cpus - 1) + 1))
        online=/sys/devices/system/cpu/cpu$cpu/online
        echo 0 >$online || fail "CPU $cpu cannot be taken off"
        expect_cpus $((cpus - 1)) "CPU $cpu is off"
        echo 1 >$online || fail "CPU $cpu cannot be brought back"
        expect_cpus "$cpus" "CPU $cpu is back"
        expect_runs_on $cpu
        cycle=$((cycle + 1))
    done
    expect_passed_on
}

# ---- What is written to the console arrives, and so does what is typed ---------------------------
# More than a serial port holds at once, both ways: its interrupts say when there is room again, and
# when something has come. Whoever types compares what is said about it.
console_check() {
    line=0
    while [ $line -lt 50 ]; do
        echo "console line $line: the quick brown fox jumps over the lazy dog, and is quick about it"
        line=$((line + 1))
    done >/dev/console
    busybox sleep 1 # the kernel's log would come in between
    echo "linux-init: type a line"
    read -r typed </dev/console
    echo "linux-init: typed ${#typed} bytes, md5 $(echo -n "$typed" | busybox md5sum)"
}

said="ok uptime-at-init=$start"
checks=${init_checks:-cpu_check,sleep_check,share_check,fork_check,memory_check}
for check in $(echo "$checks" | busybox tr , " "); do
    $check
    echo "linux-init: $check done at $(now)"
done

close "$said uptime=$(now)"
