// The jobs: each one a file that goes into a guest's memory.
#include <string.h>

#include "arch/barrier.h"
#include "ipc/init.h"
#include "libs/image/image.h"
#include "libs/text/text.h"
#include "servers/fs-loader/place.h"

#define MEGABYTE (1ull << 20)

// So much is read at once; between two reads a line says how far it is.
#define STEP (8 * MEGABYTE)

// What a job works with.
struct work {
    struct loader *loader;
    struct fs_job *job;
    struct fat32_file file;
    struct loader_memory memory; // all of it
    struct loader_memory room;   // what the job may use
};

// What a person can do about a missing file, by the kind of job.
static const char *const advice[] = {
    [FS_JOB_IMAGE] = "put it there with mcopy, or run with --guest FILE",
    [FS_JOB_RAW] = "put it there with mcopy",
    [FS_JOB_TOP] = "put it there with mcopy, or run with --initrd FILE",
};

// Forms the message for what the volume, or the disk behind it, failed in.
static enum status fail_volume(struct work *work, enum status status) {
    const struct loader *loader = work->loader;
    const char *volume_error = fat32_error_text(loader->volume);
    if (status == STATUS_NOT_FOUND)
        return place_fail(work->job, status, "not on the disk (%s): %s", volume_error,
                          advice[work->job->kind]);
    if (loader->disk_error[0] != '\0')
        return place_fail(work->job, status, "%s: %s", loader->disk_error, volume_error);
    return place_fail(work->job, status, "%s", volume_error);
}

// Reads SIZE bytes from OFFSET on to TO, which has room for them.
static enum status read_bytes(struct work *work, uint64_t offset, uint8_t *to, uint64_t size) {
    uint64_t done = 0;
    while (done < size) {
        size_t part = size - done < STEP ? size - done : STEP;
        size_t got;
        enum status status = fat32_read(&work->file, offset + done, to + done, part, &got);
        if (status != STATUS_OK)
            return fail_volume(work, status);
        if (got != part)
            return place_fail(work->job, STATUS_CORRUPT, "it is shorter than it was a moment ago");
        done += part;
        if (done < size)
            rt_log("loading %s: %u of %u MB", work->job->path,
                   (unsigned)((offset + done) / MEGABYTE),
                   (unsigned)((work->file.size + MEGABYTE - 1) / MEGABYTE));
    }
    return STATUS_OK;
}

// Bytes that the VM needs besides its image: what the job may not use, and the other files.
static uint64_t measure_others(const struct work *work) {
    const struct loader *loader = work->loader;
    const struct loader_memory *memory = &work->memory, *room = &work->room;
    uint64_t sum = memory->guest + memory->size - (room->guest + room->size);
    for (uint32_t i = 0; i < loader->jobs->count && i < FS_JOBS; i++) {
        struct fs_job other = loader->jobs->job[i];
        struct fat32_file file;
        if (other.kind == FS_JOB_TOP && memchr(other.path, '\0', FS_PATH) != NULL &&
            strncmp(other.window, work->job->window, sizeof(other.window)) == 0 &&
            fat32_open(loader->volume, other.path, &file) == STATUS_OK)
            sum += file.size;
    }
    return sum;
}

static enum status plan_image(struct work *work, struct image_plan *plan) {
    struct fs_job *job = work->job;
    size_t head_size;
    enum status status =
        fat32_read(&work->file, 0, work->loader->head, IMAGE_HEAD_SIZE, &head_size);
    if (status != STATUS_OK)
        return fail_volume(work, status);
    struct image_request request = {
        .head = work->loader->head,
        .head_size = head_size,
        .file_size = work->file.size,
        .machine = work->loader->machine,
        .ram_base = work->memory.guest,
        .ram_size = work->room.guest + work->room.size - work->memory.guest,
        .flat_address = job->address,
        .flat_entry = job->address,
    };
    char message[IMAGE_MESSAGE_SIZE];
    status = image_plan(&request, plan, message, sizeof(message));
    if (status == STATUS_RANGE && work->loader->jobs != NULL) {
        // Once more, for a message that tells the truth about how much would be enough.
        request.other_size = measure_others(work);
        status = image_plan(&request, plan, message, sizeof(message));
    }
    return status == STATUS_OK ? status : place_fail(job, status, "%s", message);
}

static enum status load_image(struct work *work) {
    struct fs_job *job = work->job;
    struct image_plan plan;
    enum status status = plan_image(work, &plan);
    if (status != STATUS_OK)
        return status;
    job->entry = plan.entry;
    job->placed = UINT64_MAX;
    for (unsigned i = 0; i < plan.piece_count && status == STATUS_OK; i++) {
        const struct image_piece *piece = &plan.pieces[i];
        uint8_t *to = work->memory.bytes + (piece->guest_address - work->memory.guest);
        status = read_bytes(work, piece->file_offset, to, piece->file_size);
        if (status == STATUS_OK) {
            memset(to + piece->file_size, 0, piece->memory_size - piece->file_size);
            arch_memory_clean(to, piece->memory_size);
        }
        if (piece->guest_address < job->placed)
            job->placed = piece->guest_address;
        if (piece->guest_address + piece->memory_size > job->end)
            job->end = piece->guest_address + piece->memory_size;
    }
    return status;
}

static enum status load_at(struct work *work, uint64_t guest) {
    work->job->placed = guest;
    work->job->end = guest + work->file.size;
    uint8_t *to = work->memory.bytes + (guest - work->memory.guest);
    enum status status = read_bytes(work, 0, to, work->file.size);
    arch_memory_clean(to, work->file.size);
    return status;
}

static enum status load_raw(struct work *work) {
    struct fs_job *job = work->job;
    if (work->file.size > work->room.size)
        return place_fail(job, STATUS_RANGE, "it has %u bytes, at 0x%llx there is room for %llu",
                          work->file.size, (unsigned long long)job->address,
                          (unsigned long long)work->room.size);
    return load_at(work, job->address);
}

static enum status load_top(struct work *work) {
    const struct loader_memory *room = &work->room;
    uint64_t guest;
    if (place_top(room, work->file.size, &guest) == STATUS_OK)
        return load_at(work, guest);
    uint64_t missing = work->file.size > room->size ? work->file.size - room->size : 1;
    return place_fail(work->job, STATUS_RANGE,
                      "its %u bytes do not fit between 0x%llx and 0x%llx: give the VM %llu MB more",
                      work->file.size, (unsigned long long)room->guest,
                      (unsigned long long)(room->guest + room->size),
                      (unsigned long long)((missing + MEGABYTE - 1) / MEGABYTE));
}

static enum status (*const loads[])(struct work *work) = {
    [FS_JOB_IMAGE] = load_image,
    [FS_JOB_RAW] = load_raw,
    [FS_JOB_TOP] = load_top,
};

static enum status do_job(struct loader *loader, struct fs_job *job) {
    struct work work = {.loader = loader, .job = job};
    if (memchr(job->path, '\0', sizeof(job->path)) == NULL)
        return place_fail(job, STATUS_INVALID, "the path has no end");
    if (job->kind >= sizeof(loads) / sizeof(loads[0]))
        return place_fail(job, STATUS_INVALID, "there is no job of kind %u", job->kind);
    if (loader->mounted != STATUS_OK) {
        text_format(job->error, sizeof(job->error), "disk: %s", loader->volume_error);
        return loader->mounted;
    }
    enum status status = place_find(loader->config, job, &work.memory, &work.room);
    if (status != STATUS_OK)
        return status;
    status = fat32_open(loader->volume, job->path, &work.file);
    if (status != STATUS_OK)
        return fail_volume(&work, status);
    job->bytes = work.file.size;
    return loads[job->kind](&work);
}

enum status loader_do_job(struct loader *loader, struct fs_job *job) {
    job->bytes = job->placed = job->end = job->entry = 0;
    job->error[0] = '\0';
    enum status status = do_job(loader, job);
    job->status = status;
    return status;
}

// The page is shared: the job is worked on in a copy, and its state is stored behind its results.
static void finish_waiting(struct loader *loader, struct fs_job *shared) {
    struct fs_job job = *shared;
    if (job.state != FS_JOB_WAITING)
        return;
    enum status status = loader_do_job(loader, &job);
    *shared = job;
    __atomic_store_n(&shared->state, status == STATUS_OK ? FS_JOB_DONE : FS_JOB_FAILED,
                     __ATOMIC_RELEASE);
}

// The note that init was told is made behind the call. A loader that dies between the two tells it
// again: init knows a job by its number.
static void tell(struct loader *loader, uint32_t number) {
    const struct loader_state *state = state_current(&loader->state);
    const struct fs_job *job = &loader->jobs->job[number];
    if (state->told >> number & 1)
        return;
    struct rt_words words = {
        .word = {INIT_LOADED, number, job->status, job->bytes, job->entry, job->end}};
    if (rt_call(loader->init, &words) != STATUS_OK)
        rt_log("fs-loader: init does not take the end of job %u", number);
    state_set(&loader->state, &state->told, state->told | 1ull << number);
    state_commit(&loader->state);
}

void loader_do_jobs(struct loader *loader) {
    if (loader->jobs == NULL)
        return;
    uint32_t count = loader->jobs->count;
    if (count > FS_JOBS) {
        rt_log("fs-loader: init lists %u jobs, only %u are possible", count, FS_JOBS);
        count = FS_JOBS;
    }
    for (uint32_t i = 0; i < count; i++) {
        finish_waiting(loader, &loader->jobs->job[i]);
        tell(loader, i);
    }
}
