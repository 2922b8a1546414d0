// System calls about processes and threads.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "guest/gkernel/page.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/program.h"
#include "guest/gkernel/sched.h"
#include "guest/gkernel/syscall.h"
#include "guest/gkernel/user_memory.h"
#include "guest/lib/string.h"

#define PATH_SIZE 256
#define MICROSECONDS_A_SECOND 1000000
#define NANOSECONDS_A_MICROSECOND 1000

int64_t sys_exit(const uint64_t argument[]) {
    process_exit_thread(PROCESS_EXITED((int)argument[0]));
}

int64_t sys_exit_group(const uint64_t argument[]) {
    process_exit(PROCESS_EXITED((int)argument[0]));
}

int64_t sys_getpid(const uint64_t argument[]) {
    (void)argument;
    return process_current()->pid;
}

int64_t sys_gettid(const uint64_t argument[]) {
    (void)argument;
    return sched_current()->id;
}

int64_t sys_set_tid_address(const uint64_t argument[]) {
    sched_current()->clear_id = argument[0];
    return sched_current()->id;
}

// What clone(2) is asked for beside the kind of thing that it makes. What a process here does not
// have, like a file system root or semaphores to undo, threads share without being asked.
#define THREAD_NEEDS ((uint64_t)(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD))
#define THREAD_MAY                                                                                 \
    ((uint64_t)(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_DETACHED | CLONE_SETTLS |           \
                CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
#define FORK_MAY                                                                                   \
    ((uint64_t)(CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
#define END_SIGNAL ((uint64_t)CSIGNAL)

// A process with a copy of the running one's memory. NULL, with the error, when there is none.
static struct thread *fork(int *error) {
    struct process *parent = process_current();
    struct space *space = space_fork(parent->space);
    if (space == NULL) {
        *error = -ENOMEM;
        return NULL;
    }
    struct thread *first;
    struct process *child = process_create(parent, parent->name, space, &first);
    if (child == NULL) {
        space_release(space);
        *error = -EAGAIN;
        return NULL;
    }
    child->files = parent->files;
    return first;
}

static int check_clone(uint64_t flags) {
    if ((flags & THREAD_NEEDS) == THREAD_NEEDS)
        return flags & ~(THREAD_NEEDS | THREAD_MAY | END_SIGNAL) ? -EINVAL : 0;
    const uint64_t signal = flags & END_SIGNAL;
    return flags & ~(FORK_MAY | END_SIGNAL) || (signal != 0 && signal != SIGCHLD) ? -EINVAL : 0;
}

int64_t sys_clone(const uint64_t argument[]) {
    const uint64_t flags = argument[0], stack = argument[1], parent_id = argument[2],
                   tls = argument[3], child_id = argument[4];
    int error = check_clone(flags);
    if (error != 0)
        return error;
    struct thread *self = sched_current();
    error = -EAGAIN;
    struct thread *made = flags & CLONE_THREAD ? thread_create(self->process) : fork(&error);
    if (made == NULL)
        return error;

    struct trap_frame *frame = trap_user_frame(made->kernel_stack);
    trap_frame_copy(frame, trap_user_frame(self->kernel_stack));
    if (stack != 0)
        trap_frame_set_stack(frame, stack);
    if (flags & CLONE_SETTLS)
        trap_frame_set_tls(frame, tls);
    // As in Linux, an address that can't be written is no error by now.
    if (flags & CLONE_PARENT_SETTID)
        (void)user_write(self->process->space, parent_id, &made->id, sizeof(made->id));
    if (flags & CLONE_CHILD_SETTID)
        (void)user_write(made->process->space, child_id, &made->id, sizeof(made->id));
    if (flags & CLONE_CHILD_CLEARTID)
        made->clear_id = child_id;
    sched_start(made);
    return made->id;
}

// Copies the strings of an argv or envp, which ends with a null pointer.
static int copy_strings(struct space *space, uint64_t list, struct program_arguments *arguments,
                        unsigned *count) {
    for (*count = 0; list != 0; ++*count, list += sizeof(uint64_t)) {
        uint64_t string;
        if (!user_read(space, &string, list, sizeof(string)))
            return -EFAULT;
        if (string == 0)
            break;
        const size_t room = PROGRAM_TEXT_SIZE - arguments->used;
        const int64_t length =
            room == 0 ? -ENAMETOOLONG
                      : user_string(space, arguments->text + arguments->used, string, room);
        if (length < 0)
            return length == -EFAULT ? -EFAULT : -E2BIG;
        arguments->used += (size_t)length + 1;
    }
    return 0;
}

// The running process becomes the program. Its other threads end first; from then on there is no
// way back, and nothing that could fail.
static int become(const struct program_image *image) {
    struct thread *self = sched_current();
    struct process *process = self->process;
    if (!process_end_other_threads()) {
        space_release(image->space);
        return -EINTR;
    }
    struct space *old = process->space;
    process->space = image->space;
    space_activate(image->space);
    space_release(old);
    process_set_name(process, image->name);
    // It is the process's first thread now, whichever it was.
    self->id = process->pid;
    self->clear_id = 0;
    trap_frame_start(trap_user_frame(self->kernel_stack), image->entry, image->stack);
    return 0;
}

int64_t sys_execve(const uint64_t argument[]) {
    struct space *space = process_current()->space;
    char path[PATH_SIZE];
    const int64_t length = user_string(space, path, argument[0], sizeof(path));
    if (length < 0)
        return length;
    struct phys page;
    if (!page_alloc(&page))
        return -ENOMEM;
    struct program_arguments arguments = {.text = mmu_pointer(page)};
    struct program_image image;
    int error = copy_strings(space, argument[1], &arguments, &arguments.count);
    if (error == 0)
        error = copy_strings(space, argument[2], &arguments, &arguments.environment);
    if (error == 0)
        error = program_load(path, &arguments, &image);
    page_free(page);
    return error != 0 ? error : become(&image);
}

static struct rusage rusage_of(const struct process_usage *usage) {
    const uint64_t microseconds = usage->time / NANOSECONDS_A_MICROSECOND;
    return (struct rusage){
        .ru_utime = {.tv_sec = (time_t)(microseconds / MICROSECONDS_A_SECOND),
                     .tv_usec = (suseconds_t)(microseconds % MICROSECONDS_A_SECOND)},
        .ru_minflt = (long)usage->faults,
        .ru_nvcsw = (long)usage->given_up,
        .ru_nivcsw = (long)usage->taken_away,
    };
}

// In what programs get there is nothing behind the counts: musl's struct has places for later.
#define RUSAGE_SIZE offsetof(struct rusage, __reserved)

int64_t sys_getrusage(const uint64_t argument[]) {
    const struct process *process = process_current();
    struct process_usage usage;
    switch ((int)argument[0]) {
    case RUSAGE_SELF:
        usage = process_usage(process);
        break;
    case RUSAGE_CHILDREN:
        usage = process->children;
        break;
    case RUSAGE_THREAD:
        usage = process_thread_usage(sched_current());
        break;
    default:
        return -EINVAL;
    }
    const struct rusage told = rusage_of(&usage);
    return user_write(process->space, argument[1], &told, RUSAGE_SIZE) ? 0 : -EFAULT;
}

int64_t sys_wait4(const uint64_t argument[]) {
    const int pid = (int)argument[0];
    const int options = (int)argument[2];
    // There are no process groups: 0 and -2 and below would name one. Children do not stop, and all
    // end with SIGCHLD or nothing, so what asks for more or for other ones changes nothing.
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WALL))
        return -EINVAL;
    if (pid == 0 || pid < -1)
        return -ECHILD;
    struct process *process = process_current();
    int status = 0;
    struct process_usage usage;
    const int found = process_wait(process, pid, !(options & WNOHANG), &status, &usage);
    if (found <= 0)
        return found;
    const struct rusage told = rusage_of(&usage);
    if (argument[1] != 0 && !user_write(process->space, argument[1], &status, sizeof(status)))
        return -EFAULT;
    if (argument[3] != 0 && !user_write(process->space, argument[3], &told, RUSAGE_SIZE))
        return -EFAULT;
    return found;
}

int64_t sys_kill(const uint64_t argument[]) {
    const int pid = (int)argument[0], signal = (int)argument[1];
    struct process *process = pid > 0 ? process_find(pid) : NULL;
    if (process == NULL)
        return -ESRCH;
    if (signal < 0 || signal >= _NSIG)
        return -EINVAL;
    if (signal == 0)
        return 0;
    // There are no handlers, and what every other signal would do is not decided here.
    if (signal != SIGKILL)
        return -EINVAL;
    process_kill(process, PROCESS_KILLED(SIGKILL));
    return 0;
}

int64_t sys_setpriority(const uint64_t argument[]) {
    const int who = (int)argument[1];
    int nice = (int)argument[2];
    if ((int)argument[0] != PRIO_PROCESS)
        return -EINVAL;
    struct thread *thread = who == 0 ? sched_current() : thread_find(who);
    if (thread == NULL || thread->process == process_kernel())
        return -ESRCH;
    if (nice < CFS_NICE_MIN)
        nice = CFS_NICE_MIN;
    if (nice > CFS_NICE_MAX)
        nice = CFS_NICE_MAX;
    sched_set_nice(thread, nice);
    return 0;
}
