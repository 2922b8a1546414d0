"""Makes linux_trace.inc of what QEMU traced: linux_trace.py TRACE > linux_trace.inc

TRACE is what this writes, with any kernel and init that end by themselves; what is typed and an
init that moves interrupt 33 from CPU to CPU (/proc/irq/*/smp_affinity) make it worth while:

    qemu-system-aarch64 -M virt,gic-version=3 -smp 4 -cpu cortex-a57 -m 512 -nic none -nographic \\
        -no-reboot -kernel Image -initrd initrd.cpio -append "console=ttyAMA0 panic=-1" \\
        -trace 'gicv3_dist_*' -trace 'gicv3_redist_*' -trace gicv3_icc_generate_sgi \\
        -trace gicv3_icc_iar1_read -trace gicv3_icc_eoir_write -D TRACE
"""

import re
import sys
from typing import NamedTuple

TIMER, PRIVATE, SPECIAL = 27, 32, 1020  # INTIDs: the virtual timer, the first SPI, none
CPUS = 4
WHOLE = 330  # acknowledgements, after which timers and IPIs are left out

# Registers that say which features there are, and QEMU's has others.
OTHER_FEATURES = {("DISTRIBUTOR_READ", 0x4), ("DISTRIBUTOR_READ", 0xC)}
OTHER_FEATURES |= {("OWN_READ", offset) for offset in (0x0, 0x70, 0x78)}


class Event(NamedTuple):
    kind: str
    cpu: int
    where: int  # offset or INTID
    size: int = 0
    value: int = 0


REGISTER = r"(read|write): offset (\w+) data (\w+) size (\d)"
PATTERNS = (
    (
        rf"gicv3_dist_\w+ GICv3 distributor {REGISTER}",
        lambda m: Event(f"DISTRIBUTOR_{m[1].upper()}", 0, int(m[2], 16), int(m[4]), int(m[3], 16)),
    ),
    (
        rf"gicv3_redist_\w+ GICv3 redistributor (\w+) {REGISTER}",
        lambda m: Event(
            f"OWN_{m[2].upper()}", int(m[1], 16), int(m[3], 16), int(m[5]), int(m[4], 16)
        ),
    ),
    (
        r"gicv3_redist_set_irq GICv3 redistributor (\w+) interrupt 27 level changed to (\d)",
        lambda m: Event("RISE" if m[2] == "1" else "FALL", int(m[1], 16), TIMER),
    ),
    (
        r"gicv3_dist_set_irq GICv3 distributor interrupt (\d+) level changed to (\d)",
        lambda m: Event("LINE", 0, int(m[1]), 0, int(m[2])),
    ),
    (
        r"gicv3_icc_generate_sgi GICv3 CPU i/f (\w+) generating SGI (\d+) IRM (\d) "
        r"target affinity 0x0xx targetlist (\w+)",
        lambda m: Event(
            "SGI", int(m[1], 16), int(m[2]), 0, int(m[3]) << 40 | int(m[2]) << 24 | int(m[4], 16)
        ),
    ),
    (
        r"gicv3_icc_iar1_read GICv3 ICC_IAR1 read cpu (\w+) value (\w+)",
        lambda m: Event("ACKNOWLEDGE", int(m[1], 16), int(m[2], 16)),
    ),
    (
        r"gicv3_icc_eoir_write GICv3 ICC_EOIR1 write cpu (\w+) value (\w+)",
        lambda m: Event("END", int(m[1], 16), int(m[2], 16)),
    ),
)


def parse(line: str) -> Event | None:
    for pattern, make in PATTERNS:
        match = re.match(pattern, line)
        if match:
            return make(match)
    return None


def is_taken(events: list[Event], start: int, cpu: int) -> bool:
    """Whether the timer that CPU's line asserts is acknowledged before the line falls."""
    for event in events[start:]:
        if event.cpu == cpu and event.where == TIMER and event.kind in ("FALL", "ACKNOWLEDGE"):
            return event.kind == "ACKNOWLEDGE"
    return False


def with_expiries(events: list[Event]) -> list[Event]:
    """TIMER where one expires that is taken: a guest's machine sees no line, but an interrupt that
    comes, and comes again if the line is still asserted at its end."""
    found = []
    asserted = [False] * CPUS
    for place, event in enumerate(events):
        if event.kind in ("RISE", "FALL"):
            asserted[event.cpu] = event.kind == "RISE"
        elif not (event.kind in ("ACKNOWLEDGE", "END") and event.where >= SPECIAL):
            found.append(event)
        ended = event.kind == "END" and event.where == TIMER and asserted[event.cpu]
        if (event.kind == "RISE" or ended) and is_taken(events, place + 1, event.cpu):
            found.append(Event("TIMER", event.cpu, TIMER))
    return found


def thinned(events: list[Event]) -> list[Event]:
    """Everything up to a moment of rest; from then on registers and SPIs."""
    under_way: set[tuple[int, int]] = set()
    taken = 0
    found = []
    is_whole = True
    for event in events:
        is_private = event.kind in ("SGI", "TIMER") or (
            event.kind in ("ACKNOWLEDGE", "END") and event.where < PRIVATE
        )
        if is_whole or not is_private:
            found.append(event)
        if event.kind == "SGI":
            others = {cpu for cpu in range(CPUS) if cpu != event.cpu}
            named = {cpu for cpu in range(CPUS) if event.value >> cpu & 1}
            targets = others if event.value >> 40 else named
            under_way |= {(cpu, event.where) for cpu in targets}
        elif event.kind == "TIMER":
            under_way.add((event.cpu, TIMER))
        elif event.kind == "END":
            under_way.discard((event.cpu, event.where))
        taken += event.kind == "ACKNOWLEDGE"
        is_whole = is_whole and (taken < WHOLE or bool(under_way))
    return found


def main() -> int:
    with open(sys.argv[1], encoding="ascii") as trace:
        events = [event for event in map(parse, trace) if event]
    events = [event for event in events if (event.kind, event.where) not in OTHER_FEATURES]
    for event in thinned(with_expiries(events)):
        kind, cpu, where, size, value = event
        print(f"{{{kind}, {cpu}, {where:#x}, {size}, {value:#x}}},")
    return 0


if __name__ == "__main__":
    sys.exit(main())
