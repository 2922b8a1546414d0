#include "guest/gkernel/file.h"

#include <errno.h>
#include <stdbool.h>

#include "guest/gkernel/console.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/timer.h"
#include "guest/gkernel/tty.h"
#include "guest/lib/format.h"
#include "guest/lib/string.h"

#define NANOSECONDS_A_CLOCK_TICK UINT64_C(10000000) // of times in /proc: USER_HZ is 100
#define PRIORITY_OF_NICE_0 20
#define STAT_SIZE 192

void file_table_init(struct file_table *files) {
    *files = (struct file_table){0};
    for (unsigned descriptor = 0; descriptor <= 2; descriptor++)
        files->file[descriptor].kind = FILE_CONSOLE;
}

static struct file *find(struct file_table *files, int descriptor) {
    if (descriptor < 0 || descriptor >= FILE_MAX || files->file[descriptor].kind == FILE_NONE)
        return NULL;
    return &files->file[descriptor];
}

// "/proc/PID/stat" gives the pid, which need not be anybody's; everything else gives 0.
static int pid_of_path(const char *path) {
    static const char before[] = "/proc/";
    static const char after[] = "/stat";
    if (strncmp(path, before, sizeof(before) - 1) != 0)
        return 0;
    int pid = 0;
    for (path += sizeof(before) - 1; *path >= '0' && *path <= '9' && pid < THREAD_IDS; path++)
        pid = pid * 10 + (*path - '0');
    return strcmp(path, after) == 0 ? pid : 0;
}

int file_open(struct file_table *files, const char *path) {
    const int pid = pid_of_path(path);
    if (pid == 0 || process_find(pid) == NULL)
        return -ENOENT;
    for (int descriptor = 0; descriptor < FILE_MAX; descriptor++) {
        if (files->file[descriptor].kind != FILE_NONE)
            continue;
        files->file[descriptor] = (struct file){.kind = FILE_STAT, .pid = pid};
        return descriptor;
    }
    return -EMFILE;
}

int file_close(struct file_table *files, int descriptor) {
    struct file *file = find(files, descriptor);
    if (file == NULL)
        return -EBADF;
    file->kind = FILE_NONE;
    return 0;
}

struct stat {
    char state;
    int nice;
};

static void look_at_thread(struct thread *thread, void *context) {
    struct stat *stat = context;
    stat->nice = thread->nice;
    if (thread->state == THREAD_READY)
        stat->state = 'R';
}

static uint64_t size_of(const struct space *space) {
    uint64_t size = 0;
    for (unsigned i = 0; space != NULL && i < space->regions; i++)
        size += space->region[i].end - space->region[i].start;
    return size;
}

// The first 23 fields of proc(5): up to the virtual memory's size. All CPU time is told as user
// time; process groups, sessions and terminals there are none.
static size_t format_stat(const struct process *process, char *to, size_t size) {
    struct stat stat = {.state = process->state == PROCESS_ZOMBIE ? 'Z' : 'S'};
    thread_each(process, look_at_thread, &stat);
    const struct process_usage usage = process_usage(process);
    return format_text(
        to, size, "%d (%s) %c %d 0 0 0 -1 0 %lu 0 0 0 %lu 0 %lu 0 %d %d %u 0 %lu %lu\n",
        process->pid, process->name, stat.state, process->parent->pid, usage.faults,
        usage.time / NANOSECONDS_A_CLOCK_TICK, process->children.time / NANOSECONDS_A_CLOCK_TICK,
        PRIORITY_OF_NICE_0 + stat.nice, stat.nice, process->threads,
        process->started / NANOSECONDS_A_CLOCK_TICK, size_of(process->space));
}

static int64_t read_stat(struct file *file, char *to, size_t size) {
    const struct process *process = process_find(file->pid);
    if (process == NULL)
        return -ESRCH;
    char text[STAT_SIZE];
    const size_t length = format_stat(process, text, sizeof(text));
    if (file->at >= length)
        return 0;
    const size_t left = length - file->at;
    const size_t count = left < size ? left : size;
    memcpy(to, text + file->at, count);
    file->at += count;
    return (int64_t)count;
}

int64_t file_read(struct file_table *files, int descriptor, char *to, size_t size) {
    struct file *file = find(files, descriptor);
    if (file == NULL)
        return -EBADF;
    // Who wants nothing does not wait for it.
    if (size == 0)
        return 0;
    return file->kind == FILE_CONSOLE ? tty_read(to, size) : read_stat(file, to, size);
}

int64_t file_write(struct file_table *files, int descriptor, const char *from, size_t size) {
    const struct file *file = find(files, descriptor);
    if (file == NULL || file->kind != FILE_CONSOLE)
        return -EBADF;
    console_write(from, size);
    return (int64_t)size;
}
