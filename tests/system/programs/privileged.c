// Each instruction that is not for user mode ends the process that tries it, with the hypervisor
// below and without.
#include "tests/system/programs/privileged.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/programs/lib/report.h"

#define PAGE 4096ul

static _Noreturn void execute(uint32_t instruction) {
    uint32_t *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED)
        _exit(1);
    code[0] = instruction;
    code[1] = privileged_return;
    if (mprotect(code, PAGE, PROT_READ | PROT_EXEC) != 0)
        _exit(1);
    ((void (*)(void *))code)(code);
    _exit(0);
}

int main(void) {
    report_begin("privileged");
    unsigned refused = 0;
    for (unsigned i = 0; i < privileged_count; i++) {
        int status = 0;
        const pid_t pid = fork();
        if (pid == 0)
            execute(privileged_instructions[i].code);
        if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
            WTERMSIG(status) == privileged_signal)
            refused++;
        else
            printf("privileged: %s: status %#x\n", privileged_instructions[i].name, status);
    }
    return report_end(refused == privileged_count, "%u of %u instructions refused", refused,
                      privileged_count);
}
