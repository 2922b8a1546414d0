#include "guest/gkernel/syscall.h"

#include <stddef.h>

#include "guest/gkernel/console.h"
#include "guest/gkernel/process.h"

#define SYS_EXIT 93
#define ENOSYS 38

typedef int64_t (*syscall_function)(const uint64_t argument[6]);

static int64_t sys_exit(const uint64_t argument[6]) {
    printk("[SYS_EXIT]: process is exiting ..\n");
    // The low byte is what a parent sees.
    process_exit((int)(argument[0] & 0xff));
}

static const syscall_function table[] = {
    [SYS_EXIT] = sys_exit,
};
#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

int64_t syscall_handle(const struct trap_syscall *call) {
    printk("handle_syscall ...\n");
    if (call->number >= TABLE_SIZE || table[call->number] == NULL) {
        printk("syscall: %lu is not known\n", call->number);
        return -ENOSYS;
    }
    return table[call->number](call->argument);
}
