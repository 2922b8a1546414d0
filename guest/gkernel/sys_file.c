// System calls about files.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

#include "guest/gkernel/console.h"
#include "guest/gkernel/process.h"
#include "guest/gkernel/syscall.h"
#include "guest/gkernel/user_memory.h"

#define PATH_SIZE 64
#define CHUNK_SIZE 256
// No call does more at once, because nobody else runs meanwhile: less than asked for is no error.
#define CALL_SIZE_MAX (UINT64_C(16) << 10)

int64_t sys_read(const uint64_t argument[]) {
    struct process *process = process_current();
    char chunk[CHUNK_SIZE];
    const uint64_t size = argument[2] < sizeof(chunk) ? argument[2] : sizeof(chunk);
    const int64_t got = file_read(&process->files, (int)argument[0], chunk, size);
    if (got > 0 && !user_write(process->space, argument[1], chunk, (size_t)got))
        return -EFAULT;
    return got;
}

// What was written before something went wrong counts; the error is only told if that is nothing.
// Goes page by page, so that everything up to a page that is not there is written.
static int64_t write_some(struct process *process, int descriptor, uint64_t from, uint64_t size) {
    char chunk[CHUNK_SIZE];
    uint64_t done = 0;
    int64_t result = file_write(&process->files, descriptor, chunk, 0);
    while (result >= 0 && done < size && done < CALL_SIZE_MAX) {
        uint64_t part = PAGE_SIZE - (from + done) % PAGE_SIZE;
        part = part < sizeof(chunk) ? part : sizeof(chunk);
        part = part < size - done ? part : size - done;
        if (user_read(process->space, chunk, from + done, part))
            result = file_write(&process->files, descriptor, chunk, part);
        else
            result = -EFAULT;
        if (result > 0)
            done += (uint64_t)result;
    }
    return done > 0 ? (int64_t)done : result;
}

int64_t sys_write(const uint64_t argument[]) {
    const int64_t result =
        write_some(process_current(), (int)argument[0], argument[1], argument[2]);
    console_flush();
    return result;
}

// Whether all parts can be looked at and their sizes make sense together: a wrong one refuses all.
static int check_parts(struct space *space, uint64_t parts, uint64_t count) {
    uint64_t left = SSIZE_MAX;
    for (uint64_t i = 0; i < count; i++) {
        struct iovec part;
        if (!user_read(space, &part, parts + i * sizeof(part), sizeof(part)))
            return -EFAULT;
        if (part.iov_len > left)
            return -EINVAL;
        left -= part.iov_len;
    }
    return 0;
}

int64_t sys_writev(const uint64_t argument[]) {
    struct process *process = process_current();
    const uint64_t count = argument[2];
    const int64_t wrong = file_write(&process->files, (int)argument[0], NULL, 0);
    if (wrong < 0)
        return wrong;
    if (count > IOV_MAX)
        return -EINVAL;
    int64_t done = check_parts(process->space, argument[1], count);
    for (uint64_t i = 0; i < count && done >= 0 && done < (int64_t)CALL_SIZE_MAX; i++) {
        struct iovec part;
        int64_t result = -EFAULT;
        if (user_read(process->space, &part, argument[1] + i * sizeof(part), sizeof(part)))
            result = write_some(process, (int)argument[0], (uint64_t)part.iov_base, part.iov_len);
        if (result < 0) {
            done = done > 0 ? done : result;
            break;
        }
        done += result;
        if ((uint64_t)result < part.iov_len)
            break;
    }
    console_flush();
    return done;
}

int64_t sys_openat(const uint64_t argument[]) {
    struct process *process = process_current();
    char path[PATH_SIZE];
    const int64_t length = user_string(process->space, path, argument[1], sizeof(path));
    if (length < 0)
        return length == -ENAMETOOLONG ? -ENOENT : length;
    const int descriptor = file_open(&process->files, path);
    if (descriptor >= 0 && (argument[2] & O_ACCMODE) != O_RDONLY) {
        (void)file_close(&process->files, descriptor);
        return -EACCES;
    }
    return descriptor;
}

int64_t sys_close(const uint64_t argument[]) {
    return file_close(&process_current()->files, (int)argument[0]);
}
