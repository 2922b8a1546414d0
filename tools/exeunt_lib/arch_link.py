"""What architectures have in common whose calls leave a link in a register."""

from collections.abc import Callable

from .abi import SYSCALLS
from .arch import Mend, nothing_to_mend
from .gdbstub import Stub
from .symbols import Elf


def returns_to_itself(link: int, ret: bytes, alignment: int) -> Callable[[Stub, Elf], Mend]:
    """One instruction, for ever."""

    def loop(stub: Stub, elf: Elf) -> Mend:
        place = elf.find_text(ret, alignment)[0]
        stub.set_register(link, place)
        stub.set_register(stub.pc, place)
        return nothing_to_mend

    return loop


def calls_again(link: int, argument: int) -> Callable[[Stub, Elf, int], Mend]:
    """rt_system_call returns to itself.

    The status that it returns, NO_CAP, is SIGNAL's number; its words stay what they are, so that
    the third of them, which points to them, is the next call's argument again.
    """

    def loop(stub: Stub, elf: Elf, words: int) -> Mend:
        place = elf.address("rt_system_call")
        stub.write(words, b"".join(v.to_bytes(8, "little") for v in (0, 0, words, 0, 0, 0, 0, 0)))
        for number, value in enumerate((SYSCALLS["SIGNAL"], 0, words)):
            stub.set_register(argument + number, value)
        stub.set_register(link, place)
        stub.set_register(stub.pc, place)
        return nothing_to_mend

    return loop


def goes_back(link: int, result: int) -> Callable[[Stub], None]:
    def return_zero(stub: Stub) -> None:
        stub.set_register(result, 0)
        stub.set_register(stub.pc, stub.register(link))

    return return_zero
