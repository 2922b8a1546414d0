"""A guest's own output in what a console shows, so that two runs of it can be compared.

Under the hypervisor its lines stand between the hypervisor's; while servers die some of them are
cut; on the bare machine the firmware's come first. And what a program measures in time (behind a
"~") is another number in each run.
"""

import re
from dataclasses import dataclass

# The hypervisor's first lines, which come late from a console that hung when it was to begin.
LOGO = (
    r"    _____                      _",
    r"   | ____|_  _____ _   _ _ __ | |_",
    r"   |  _| \ \/ / _ \ | | | '_ \| __|",
    r"   | |___ >  <  __/ |_| | | | | |_",
    r"   |_____/_/\_\___|\__,_|_| |_|\__|   every exit is a call",
)
# Around them it has empty ones, which are no guest's either when they stand there.
LOGO_BLOCK = "\n" + "\n".join(LOGO) + "\n\n"
# The hypervisor's own lines. No guest prints lines that begin so.
OWN = re.compile(
    "|".join(map(re.escape, LOGO)) + r"|(Starting |server [a-z-]+[ :]|init: |VM |console: "
    r"|fs-loader: |sbi-server: |npf-pager: |timer-server: |monitor: |Guest: |Guest RAM |Shutdown "
    r"|Hypervisor[ :]|Pre-allocating |loading |app: |Loaded |Entering |Ctrl-T )"
)
# Stands where such lines were. The console ends a guest's unfinished line before it writes one of
# the hypervisor's, and goes on with it behind that: one newline beside this may be the console's.
CUT = "\0"
# What may come between any two characters that a guest printed.
GAP = r"\n?\0?"
TIMING = re.compile(r"~(?:(?:\n?\0)?[0-9.,])+")
TIMING_CUT = re.compile(rf"~(?:{GAP}[0-9.,])+")  # by a console that died
CONSOLE_DEATH = re.compile(r"^server console died: ", re.MULTILINE)


@dataclass(frozen=True)
class Form:
    """How a guest's output looks. begin: where it does; timings: it has some."""

    begin: re.Pattern
    timings: bool


def with_gaps(text: str) -> str:
    """A pattern for the text, however it was cut."""
    return GAP.join(map(re.escape, text))


# The first line of its logo.
GKERNEL = Form(re.compile(with_gaps("        _                        _")), timings=True)
# All of its lines begin with "@" and end in ";".
RECOVERY_GUEST = Form(re.compile(r"(?:^|(?<=\0))@", re.MULTILINE), timings=False)


def own_text(console: str, form: Form = GKERNEL) -> str:
    """From the guest's first line on, without the hypervisor's, which leave CUTs; "" when it did
    not begin. What follows a guest's end are lines of the hypervisor's only."""
    console = console.replace(LOGO_BLOCK, f"{LOGO[-1]}\n")
    kept = [CUT if OWN.match(line) else line for line in re.split(r"(?<=\n)", console)]
    text = re.sub(f"{CUT}+", CUT, "".join(kept))
    found = form.begin.search(text)
    return text[found.start() :] if found else ""


def comparable_text(console: str, form: Form) -> str:
    """The own text without what is another number in each run."""
    text = own_text(console, form)
    if not form.timings:
        return text
    return (TIMING_CUT if CONSOLE_DEATH.search(console) else TIMING).sub("~", text)


def expected_text(console: str, form: Form = GKERNEL) -> str:
    """What other runs are compared with, from one in which nothing was cut."""
    return comparable_text(console, form).replace(CUT, "")


def of_vm(console: str, name: str) -> str:
    """What the VM of that name printed beside others; where they did, there are CUTs."""
    lines = ((line, line.removeprefix(f"[{name}]")) for line in console.split("\n"))
    return "".join(CUT if own == line else f"{own.removeprefix(' ')}\n" for line, own in lines)


def told(console: str, vm: str = "") -> str:
    """All that a guest printed, without newlines: its own can't be told from those where a line of
    its was cut. vm: its name, where there are others."""
    lines = console.split("\n")
    if not vm:
        return "".join(line for line in lines if not OWN.match(line))
    begin = f"[{vm}]"
    own = (line.removeprefix(begin) for line in lines if line.startswith(begin))
    return "".join(line.removeprefix(" ") for line in own)


def own_lines(console: str, form: Form = GKERNEL) -> list[str]:
    """The guest's lines as they are, of a run in which nothing was cut."""
    return own_text(console, form).replace(CUT, "").splitlines()


def difference(expected: str, console: str, form: Form = GKERNEL) -> str:
    """Of a run's console from an expected text; empty: nothing is lost, doubled or out of order.

    A console that dies between the newline and the line that it made room for leaves it to the
    next, which may well go on with the guest's first: a newline for each death is not counted.
    """
    found = comparable_text(console, form)
    spare = len(CONSOLE_DEATH.findall(console))
    at = 0
    for part in re.finditer(r"[\n\0]+|[^\n\0]+", found):
        text = part[0]
        if text[0] not in "\n\0":
            if not expected.startswith(text, at):
                return _difference(expected, found, at, part.start())
            at += len(text)
            continue
        wanted = len(expected) - at - len(expected[at:].lstrip("\n"))
        extra = text.count("\n") - wanted - text.startswith("\n" + CUT)
        # Where a line was cut, its own end may have been there, or have come in time.
        if extra < -text.startswith("\n" + CUT) or extra > spare:
            return _difference(expected, found, at, part.start())
        spare -= max(0, extra)
        at += wanted
    return "" if at == len(expected) else _difference(expected, found, at, len(found))


def _difference(expected: str, found: str, at: int, place: int) -> str:
    """at: from where on the expected text is missing; place: in what was found."""
    found = found[place:].replace(CUT, "")
    same = next(
        (i for i, (a, b) in enumerate(zip(expected[at:], found)) if a != b),
        min(len(expected) - at, len(found)),
    )
    near = slice(max(0, same - 20), same + 20)
    return f"{found[near]!r} instead of {expected[at:][near]!r}"
