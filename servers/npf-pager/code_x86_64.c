// x86_64's instructions: up to 15 bytes, which are fetched by 8, and which mean what the code
// segment says. Nothing but the instruction says where an access began.
#include <string.h>

#include "servers/npf-pager/emulate.h"

// Numbers of what can be read of a vCPU besides its general registers (BIND_ROUTE, ipc/syscall.h;
// the core's enum regs_system): the bases of the segments.
enum { BASE_CS = 22, BASE_DS, BASE_ES, BASE_FS, BASE_GS, BASE_SS };

// word[2] of EXIT_STAGE2: the base of the code segment, and from bit 32 on its attributes as in a
// VMCB (APM volume 2, appendix B and 4.7.2).
#define MODE_BASE(mode) ((uint32_t)(mode))
#define MODE_LONG (1ull << (32 + 9))
#define MODE_DEFAULT (1ull << (32 + 10))

#define FETCH_BYTES 8u
#define PAGE_BYTES 4096u

// What the shortest way has fetched for the exit that it then leaves to the long one: a fetch costs
// as much as decoding.
static uint64_t left_over = RT_NO_INSTRUCTION;

static uint64_t fetch_first(uint64_t at) {
    uint64_t bytes = left_over;
    left_over = RT_NO_INSTRUCTION;
    return bytes == RT_NO_INSTRUCTION ? rt_guest_fetch(at) : bytes;
}

// In 64-bit code the segment has no base; in other code an address has 32 bits.
static uint64_t linear(uint64_t mode, uint64_t pc) {
    return mode & MODE_LONG ? pc : (uint32_t)(MODE_BASE(mode) + pc);
}

static uint32_t mode_bits(uint64_t mode) {
    if (__builtin_expect((mode & MODE_LONG) != 0, 1)) {
        return 64;
    }
    return mode & MODE_DEFAULT ? 32 : 16;
}

// Adds to CODE what one fetch at AT has, up to the page's end: what is behind that may not be
// there.
static bool fetch_more(struct insn_code *code, uint64_t at) {
    uint64_t bytes = code->count ? rt_guest_fetch(at) : fetch_first(at);
    uint32_t count = PAGE_BYTES - (uint32_t)at % PAGE_BYTES;
    uint32_t room = (uint32_t)sizeof(code->byte) - code->count;
    count = count < FETCH_BYTES ? count : FETCH_BYTES;
    count = count < room ? count : room;
    memcpy(&code->byte[code->count], &bytes, count); // the lowest byte is the first
    code->count += count;
    return bytes != RT_NO_INSTRUCTION;
}

// A bit that a register names may be in any operand before or behind the one addressed (APM volume
// 3, BT).
static bool is_bit_row(struct insn_access insn, const struct insn_more *more) {
    bool is_bit = more->operation >= INSN_BT && more->operation <= INSN_BTC;
    return insn.form->kind == INSN_COMPUTE && is_bit && !more->is_immediate;
}

// Where the operand's address begins in its page: an access that goes on into the device from
// another page shows the device's first byte, and is not to be taken for one of that byte.
static uint32_t place_in_page(struct pager *pager, const struct message *record,
                              struct insn_access insn, const struct insn_more *more) {
    static const uint8_t bases[] = {[INSN_ES] = BASE_ES, [INSN_CS] = BASE_CS, [INSN_SS] = BASE_SS,
                                    [INSN_DS] = BASE_DS, [INSN_FS] = BASE_FS, [INSN_GS] = BASE_GS};
    uint64_t place = (uint64_t)more->displacement;
    if (insn.base == INSN_PC) {
        place += record->pc + more->form.length;
    } else if (insn.base != INSN_NO_REGISTER) {
        place += emulate_register(pager, record, insn.base);
    }
    if (more->index != INSN_NO_REGISTER) {
        place += emulate_register(pager, record, more->index) << more->scale;
    }
    if (is_bit_row(insn, more)) {
        int64_t bit =
            (int64_t)(emulate_register(pager, record, insn.reg) << (64 - 8 * insn.form->size)) >>
            (64 - 8 * insn.form->size);
        place += (uint64_t)(bit >> 3) & -(uint64_t)insn.form->size;
    }
    if (!(record->word[2] & MODE_LONG) || more->segment >= INSN_FS) {
        place += emulate_register(pager, record, bases[more->segment]);
    }
    return place % PAGE_BYTES;
}

ALWAYS_INLINE void keep(struct pager_access *access, struct insn_access insn,
                        const struct insn_more *more, uint64_t instruction, uint64_t mode) {
    const struct insn_form *form = insn.form;
    emulate_keep(access, insn, instruction, 0);
    access->code = mode;
    access->value = more->value;
    access->position = more->is_high ? 8 : 0;
    access->displacement = more->displacement;
    access->is_based = (mode & MODE_LONG) && more->index == INSN_NO_REGISTER &&
                       more->segment < INSN_FS && insn.base < INSN_PC;
    // Shorter registers than of 32 bits leave the rest of the whole as it is (APM volume 1, 3.1.2).
    if (!form->is_write && form->kind == INSN_ACCESS && form->width < 4) {
        access->kept = ~((UINT64_MAX >> (64 - 8 * form->width)) << access->position);
    }
    bool is_based = !(mode & MODE_LONG) && MODE_BASE(mode) != 0;
    access->is_slow = access->kept || form->length > FETCH_BYTES || is_based;
}

// Loads that were decoded before and have a short way: who polls two registers does it by two
// instructions.
#define LOADS_BITS 3
static struct pager_access loads[1 << LOADS_BITS];
static uint64_t seen_once[1 << LOADS_BITS]; // the instruction that was decoded last, by its place

static struct pager_access *load_place(uint64_t instruction) {
    return &loads[instruction * 0x9e3779b97f4a7c15 >>
                  (64 - LOADS_BITS)]; // 2^64 by the golden ratio
}

// Whether INSTRUCTION is all of the one that was decoded last.
static bool is_known(const struct pager_access *access, uint64_t instruction, uint64_t mode) {
    return instruction == access->instruction && mode == access->code &&
           access->access != PAGER_NO_ACCESS && access->length <= FETCH_BYTES;
}

// The same for what may have a short way, which it then keeps for the next time.
ALWAYS_INLINE void keep_short(struct insn_access insn, const struct insn_more *more,
                              uint64_t instruction, uint64_t mode) {
    struct pager_access *access = &pager.decoded;
    keep(access, insn, more, instruction, mode);
    if (access->access == ACCESS_READ && !access->is_slow) {
        // Most loads are not alone but for the first time, when that is not worth its price.
        struct pager_access *load = load_place(instruction);
        uint64_t *once = &seen_once[load - loads];
        if (*once == instruction) {
            *load = *access;
        }
        *once = instruction;
    }
}

// What there is no shorter way for.
static void keep_compute(struct pager_access *access, const struct insn_more *more) {
    access->access = more->form.is_write ? ACCESS_WRITE : ACCESS_READ;
    access->operation = more->operation;
    access->is_to_register = more->is_to_register;
    access->is_slow = true;
}

enum code_found code_read(struct pager *pager, const struct message *record,
                          const struct pager_access **found) {
    struct pager_access *access = &pager->decoded;
    *found = access;
    uint64_t mode = record->word[2];
    uint64_t pc = linear(mode, record->pc);
    struct insn_code code = {.bits = mode_bits(mode)};
    struct insn_more more;
    struct insn_access insn;
    uint64_t instruction;
    bool may_be_split = record->word[0] % PAGE_BYTES == 0;
    do {
        if (!fetch_more(&code, pc + code.count)) {
            return CODE_GONE;
        }
        memcpy(&instruction, code.byte, sizeof(instruction));
        if (is_known(access, instruction, mode) && code.count >= access->length && !may_be_split) {
            return CODE_DECODED;
        }
        insn = insn_decode_code(&code, &more);
    } while (insn.form->kind == INSN_CUT && code.count < INSN_BYTES);
    keep_short(insn, &more, instruction, mode);
    if (insn.form->kind == INSN_COMPUTE) {
        keep_compute(access, &more);
    }
    bool is_split = may_be_split && access->access != PAGER_NO_ACCESS && access->size > 1 &&
                    place_in_page(pager, record, insn, &more) != 0;
    return is_split ? CODE_SPLIT : CODE_DECODED;
}

// Makes BYTES, the first 8 at PC, what was decoded last: as a load that was decoded before, or
// anew. False: more of them are needed, or it is nothing that has a shorter way.
__attribute__((noinline)) static bool take(uint64_t bytes, uint64_t pc, uint64_t mode) {
    const struct pager_access *load = load_place(bytes);
    if (load->instruction == bytes && load->code == mode && load->length != 0) {
        pager.decoded = *load;
        return true;
    }
    struct insn_code code = {.count = FETCH_BYTES, .bits = mode_bits(mode)};
    struct insn_more more;
    memcpy(code.byte, &bytes, sizeof(bytes));
    struct insn_access insn = insn_decode_code(&code, &more);
    if (bytes == RT_NO_INSTRUCTION || insn.form->kind != INSN_ACCESS ||
        pc % PAGE_BYTES > PAGE_BYTES - FETCH_BYTES) {
        return false;
    }
    keep_short(insn, &more, bytes, mode);
    return true;
}

// Whether ACCESS, which the device's page saw at its beginning, began there (place_in_page). False,
// too, where that takes more than one register to say.
__attribute__((noinline)) static bool begins_there(const struct pager_access *access) {
    const struct pager_vm *vm = pager.by_number[rt_record.badge % PAGER_NUMBERS];
    uint32_t vcpu = MESSAGE_VCPU(rt_record.info);
    uint64_t base = 0;
    if (access->size == 1) {
        return true;
    }
    return access->is_based && vcpu < vm->vcpus &&
           rt_vcpu_read(vm->vcpu[vcpu], access->base, &base) == STATUS_OK &&
           (base + (uint64_t)access->displacement) % PAGE_BYTES == 0;
}

void code_quick_load(uint64_t pc, uint64_t address, uint64_t word2) {
    struct pager_access *access = &pager.decoded;
    // The device is known to have loads of as many bytes as the last one.
    const uint64_t size = access->size;
    if (word2 == access->code) {
        uint64_t bytes = rt_guest_fetch(pc);
        left_over = bytes;
        if (bytes == access->instruction || take(bytes, pc, word2)) {
            if (access->access == ACCESS_READ && !access->is_slow && access->size == size &&
                emulate_is_aligned(access, address) &&
                (address % PAGE_BYTES != 0 || begins_there(access))) {
                left_over = RT_NO_INSTRUCTION;
                emulate_reply(access, emulate_read(&pager, address));
            }
        }
    }
    rt_handle_rest(address, ACCESS_READ, word2, 0, 0, 0, 0, 0); // of the others none is looked at
}
