// What is loaded into guests: init lists the files (ipc/fs.h), each loader tells of its own.
#include <stdio.h>
#include <string.h>

#include "servers/init/init.h"

// Where images may go: the first span, less the room for the device tree at its end.
static uint64_t load_image_limit(const struct vm *vm) { return vm->span[0].size - VM_TREE_BYTES; }

static void load_add(struct fs_jobs *jobs, struct vm *vm, enum fs_job_kind kind,
                     const struct manifest_file *file, uint64_t address, uint64_t limit) {
    if (file->source == MANIFEST_SOURCE_NONE) {
        return;
    }
    if (file->source != MANIFEST_SOURCE_PATH || jobs->count >= FS_JOBS) {
        init_refuse("init: /vms/%s: `%s` can't be loaded: only files on the disk (`path`) can, and "
                    "%u of them in all",
                    vm->manifest->name, file->path, FS_JOBS);
        init_end(1);
    }
    struct fs_job *job = &jobs->job[jobs->count++];
    job->kind = kind;
    job->state = FS_JOB_WAITING;
    job->address = address;
    job->limit = limit;
    snprintf(job->window, sizeof(job->window), "guest-ram-%u", vm->manifest->id);
    snprintf(job->path, sizeof(job->path), "%s", file->path);
    vm->jobs++;
    if (kind == FS_JOB_IMAGE) {
        rt_log("app: %s", file->path);
    }
}

void load_list(unsigned loader) {
    struct server *server = &init.server[loader];
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        struct vm *vm = &init.vm[i];
        if (vm->manifest->loader != loader) {
            continue;
        }
        if (!server->jobs.size) {
            server->jobs = memory_take(sizeof(struct fs_jobs), 4096, server->manifest->name);
            memory_clear(server->jobs);
        }
        struct fs_jobs *jobs = memory_see(server->jobs.physical);
        const struct manifest_vm *manifest = vm->manifest;
        const struct span *span = &vm->span[0];
        vm->tree = span->guest + span->size - VM_TREE_BYTES;
        load_add(jobs, vm, FS_JOB_IMAGE, &manifest->image, manifest->load_address,
                 span->guest + load_image_limit(vm) - manifest->load_address);
        load_add(jobs, vm, FS_JOB_TOP, &manifest->initrd, span->guest, load_image_limit(vm));
        load_add(jobs, vm, FS_JOB_RAW, &manifest->device_tree, vm->tree, VM_TREE_BYTES);
    }
}

// The VM that a job is for.
static struct vm *load_vm(const struct fs_job *job) {
    char name[CONFIG_NAME];
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        snprintf(name, sizeof(name), "guest-ram-%u", init.manifest.vm[i].id);
        if (strncmp(job->window, name, sizeof(name)) == 0) {
            return &init.vm[i];
        }
    }
    return NULL;
}

void load_done(uint64_t loader, uint64_t number) {
    struct server *server = &init.server[loader];
    struct fs_jobs *jobs = memory_see(server->jobs.physical);
    if (!server->jobs.size || number >= FS_JOBS || number >= jobs->count) {
        return; // a confused loader
    }
    // The page is shared with the loader: what is used is read once.
    struct fs_job job = jobs->job[number];
    job.path[sizeof(job.path) - 1] = '\0';
    job.error[sizeof(job.error) - 1] = '\0';
    struct vm *vm = load_vm(&job);
    if (!vm || vm->manifest->loader != loader || vm->state != VM_LOADING || vm->jobs == 0 ||
        (server->loaded >> number & 1)) {
        return; // told twice: the loader died between telling and noting that it had
    }
    server->loaded |= 1u << number;
    if (job.state != FS_JOB_DONE) {
        rt_log("VM %s: %s", vm->manifest->name,
               job.error[0] ? job.error : "its files can't be read");
        vm_stop(vm, VM_FAILED);
        return;
    }
    rt_log("Loaded %lu bytes from %s", (unsigned long)job.bytes, job.path);
    if (job.kind == FS_JOB_IMAGE) {
        vm->entry = job.entry;
        vm->image_end = job.end;
    } else if (job.kind == FS_JOB_TOP) {
        vm->initrd = (struct manifest_range){job.placed, job.bytes};
    }
    if (vm->initrd.size && vm->initrd.address < vm->image_end) {
        rt_log("VM %s: its image, which ends at 0x%lx, and its initrd, which begins at 0x%lx, "
               "overlap: give the VM more memory",
               vm->manifest->name, (unsigned long)vm->image_end, (unsigned long)vm->initrd.address);
        vm_stop(vm, VM_FAILED);
        return;
    }
    if (--vm->jobs == 0) {
        vm_start(vm);
    }
}
