#include <stdio.h>

#include "ipc/fault.h"
#include "ipc/init.h"
#include "libs/elf/symbol.h"
#include "servers/init/init.h"

static const char *report_access(uint64_t access) {
    if (access & ACCESS_WALK) {
        return "page-table walk";
    }
    static const char *const names[] = {"read", "write", "execution", "access"};
    return names[access & ACCESS_KIND];
}

// The mapped range that is nearest to the address, in words.
static void report_nearest(const struct message *message) {
    uint64_t address = message->word[3];
    uint64_t begin = message->word[6];
    uint64_t size = message->word[7];
    if (!size) {
        rt_log("  nothing at all is mapped in this VM");
        return;
    }
    uint64_t end = begin + size;
    if (address >= begin && address < end) {
        rt_log("  it lies in 0x%lx..0x%lx, which is mapped without that right",
               (unsigned long)begin, (unsigned long)end);
        return;
    }
    rt_log("  the nearest mapping is 0x%lx..0x%lx, 0x%lx bytes %s", (unsigned long)begin,
           (unsigned long)end, (unsigned long)(address < begin ? begin - address : address - end),
           address < begin ? "above" : "below");
}

void report_vm(const struct vm *vm, const struct message *message) {
    const char *name = vm->manifest->name;
    unsigned long address = message->word[3];
    unsigned long pc = message->word[5];
    switch ((enum report_cause)message->word[2]) {
    case REPORT_UNMAPPED:
    case REPORT_DENIED:
        rt_log("VM %s: %s at guest address 0x%lx refused, pc 0x%lx", name,
               report_access(message->word[4]), address, pc);
        report_nearest(message);
        if (message->word[2] == REPORT_DENIED) {
            rt_log(
                "  a passthrough node of /vms/%s grants more by its `rights`; emulated registers "
                "take aligned accesses of their own size",
                name);
        } else {
            rt_log("  to allow it, add memory or passthrough to /vms/%s in the manifest", name);
        }
        break;
    case REPORT_INSTRUCTION:
        rt_log("VM %s: the instruction at pc 0x%lx, which accesses an emulated register at 0x%lx, "
               "can't be decoded: use plain loads and stores there",
               name, pc, address);
        break;
    case REPORT_NO_MEMORY:
        rt_log("VM %s: guest address 0x%lx can't be mapped, pc 0x%lx: %s; raise object-memory in "
               "the manifest",
               name, address, pc, status_text((enum status)message->word[4]));
        break;
    case REPORT_CPU:
        rt_log("VM %s: its CPU can't go on at pc 0x%lx: cause %lu, value 0x%lx; look at the "
               "guest's trap vector and stack",
               name, pc, address, (unsigned long)message->word[4]);
        break;
    case REPORT_PORT:
        rt_log("VM %s: %s at port 0x%lx refused, pc 0x%lx: no server gives it to guests", name,
               report_access(message->word[4]), address, pc);
        break;
    default:
        rt_log("VM %s: stopped by a server for reason %lu, pc 0x%lx", name,
               (unsigned long)message->word[2], pc);
        break;
    }
}

// What a task that died was doing when it did.
static const char *report_cause(const struct file *file, const uint64_t *word) {
    if (word[FAULT_WORD_CAUSE] == FAULT_MEMORY &&
        body_stack_guard(file, word[FAULT_WORD_ADDRESS])) {
        return "ran over the end of its stack";
    }
    return fault_text(word[FAULT_WORD_CAUSE]);
}

void report_fault(const struct server *server, const struct file *file, const char *then,
                  const struct message *message) {
    const uint64_t *word = message->word;
    char record[96] = "serving nothing";
    char place[80] = "";
    uint64_t offset;
    const char *symbol = elf_symbol(file->content, file->size, word[FAULT_WORD_PC], &offset);
    if (symbol) {
        int length = snprintf(place, sizeof(place), " %.48s", symbol);
        for (int i = 1; i < length; i++) { // anybody can have made the file
            place[i] = place[i] > ' ' && place[i] <= '~' ? place[i] : '?';
        }
        snprintf(place + length, sizeof(place) - (size_t)length, "+0x%lx,", (unsigned long)offset);
    }
    if (word[FAULT_WORD_INFO] != UINT64_MAX) {
        enum exit_class c = MESSAGE_CLASS(word[FAULT_WORD_INFO]);
        const struct vm *vm = c < EXIT_GUEST_CLASSES ? vm_by_badge(word[FAULT_WORD_BADGE]) : NULL;
        snprintf(record, sizeof(record), "serving %s number %lu%s%s", exit_class_name(c),
                 (unsigned long)word[FAULT_WORD_SEQ], vm ? " of VM " : "",
                 vm ? vm->manifest->name : "");
    }
    rt_log("server %s died: it %s, at%s pc 0x%lx, address 0x%lx, %s; %s", server->manifest->name,
           report_cause(file, word), place, (unsigned long)word[FAULT_WORD_PC],
           (unsigned long)word[FAULT_WORD_ADDRESS], record, then);
}
