// What each server may have, worked out from the manifest a second time.
#include "arch/panic.h"
#include "kernel/object/pool.h"
#include "kernel/object/task.h"
#include "servers/init/init.h"
#include "tests/fuzz/forged/leaves.h"
#include "tests/fuzz/forged/system.h"

static void require(bool condition, const char *message) {
    if (!condition) {
        arch_panic(message, 0);
    }
}

static bool lies_in(uint64_t base, uint64_t size, uint64_t begin, uint64_t bytes) {
    return base >= begin && size <= bytes && base - begin <= bytes - size;
}

static bool is_in(const struct leaf *leaf, struct memory memory) {
    return lies_in(leaf->target, leaf->size, memory.physical, memory.size);
}

// Guest memory that SERVER may map into guests: those whose untouched pages are its business.
static bool may_map(unsigned server, uint64_t base, uint64_t size, unsigned rights) {
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        const struct vm *vm = &init.vm[i];
        const struct manifest_vm *manifest = vm->manifest;
        if (manifest->exit[EXIT_STAGE2] != server) {
            continue;
        }
        for (unsigned s = 0; s < vm->span_count; s++) {
            if (lies_in(base, size, vm->span[s].physical, vm->span[s].size)) {
                return !(rights & RIGHT_DEVICE);
            }
        }
        for (unsigned p = 0; p < manifest->passthrough_count; p++) {
            const struct manifest_passthrough *range = &manifest->passthrough[p];
            unsigned may = range->rights | (range->rights & RIGHT_X ? 0 : RIGHT_DEVICE);
            if (lies_in(base, size, range->host, range->guest.size) && !(rights & ~may)) {
                return true;
            }
        }
    }
    return false;
}

static bool may_call(unsigned server, const void *portal) {
    const struct manifest_server *manifest = &init.manifest.server[server];
    if (portal == system_object(SLOT_INIT_PORTAL)) {
        return manifest->calls >> MANIFEST_INIT & 1;
    }
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        if (portal == system_object(SLOT_SERVER(i) + SERVER_SLOT_PORTAL)) {
            return ((manifest->calls | manifest->signals) >> i & 1) || i == init.manifest.console ||
                   (server == init.manifest.console && i == init.monitor);
        }
    }
    return false;
}

static bool may_read(unsigned server, const void *vcpu) {
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        for (unsigned n = 0; n < init.manifest.vm[i].vcpus; n++) {
            if (vcpu == system_vcpu(i, n)) {
                return init.manifest.vm[i].exit[EXIT_STAGE2] == server;
            }
        }
    }
    return false;
}

static void check_cap(unsigned server, const struct cap *cap) {
    const void *object = pool_object(cap->index);
    switch (cap->type) {
    case OBJECT_NONE:
        return;
    case OBJECT_FRAME:
        require(!(cap->rights & ~(RIGHT_R | RIGHT_W | RIGHT_X | RIGHT_DEVICE)),
                "a server may pass a frame on");
        require(may_map(server, cap->base, cap->size, cap->rights), "a server has a strange frame");
        return;
    case OBJECT_PORTAL:
        require(cap->rights == RIGHT_CALL, "a server may do more to a portal than call");
        require(may_call(server, object), "a server may call a stranger");
        return;
    case OBJECT_VCPU:
        require(cap->rights == RIGHT_R, "a server may do more to a vCPU than read");
        require(may_read(server, object), "a server may read a strange vCPU");
        return;
    default:
        require(false, "a server has a capability of a kind that is init's alone");
    }
}

// Memory of a VM that SERVER sees in its own space.
static bool may_see_vm(unsigned server, const struct vm *vm, const struct leaf *leaf) {
    const struct manifest_vm *manifest = vm->manifest;
    if (manifest->exit[EXIT_HYPERCALL] == server || manifest->console == server) {
        if (is_in(leaf, vm->output) || is_in(leaf, vm->input)) {
            return true;
        }
    }
    for (unsigned i = 0; i < vm->span_count; i++) {
        if (is_in(leaf, (struct memory){vm->span[i].physical, vm->span[i].size})) {
            return !(leaf->rights & ~manifest->access[server]);
        }
    }
    return manifest->loader == server && is_in(leaf, init.server[server].jobs);
}

static bool may_see_own(unsigned index, const struct leaf *leaf) {
    const struct server *server = &init.server[index];
    const struct manifest_server *manifest = server->manifest;
    if (is_in(leaf, server->body->config)) {
        return leaf->rights == RIGHT_R;
    }
    for (unsigned i = 0; i < manifest->window_count; i++) {
        const struct manifest_window *window = &manifest->window[i];
        if (is_in(leaf, (struct memory){window->host.address, window->host.size})) {
            return !(leaf->rights & ~window->rights);
        }
    }
    return is_in(leaf, server->body->image) || is_in(leaf, server->log) ||
           is_in(leaf, server->state) || is_in(leaf, server->dma);
}

static bool may_see(unsigned server, const struct leaf *leaf) {
    if (leaf->rights & RIGHT_X) {
        return false; // these bodies have no code
    }
    if (may_see_own(server, leaf)) {
        return true;
    }
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        if (may_see_vm(server, &init.vm[i], leaf)) {
            return true;
        }
    }
    if (server == init.manifest.console) {
        for (unsigned i = 0; i < init.manifest.server_count; i++) {
            if (is_in(leaf, init.server[i].log)) {
                return true;
            }
        }
        return is_in(leaf, init.log) || is_in(leaf, init.monitor_output) ||
               is_in(leaf, init.monitor_input);
    }
    if (is_in(leaf, init.buffer)) {
        return server == init.monitor || (init.monitor != MANIFEST_NONE &&
                                          init.manifest.server[init.monitor].calls >> server & 1);
    }
    if (is_in(leaf, init.look)) {
        return server == init.monitor && leaf->rights == RIGHT_R;
    }
    return server == init.monitor &&
           (is_in(leaf, init.monitor_output) || is_in(leaf, init.monitor_input));
}

// A guest maps what its own memory is, and what is passed through to it.
static void check_guest(unsigned index) {
    static struct leaf leaf[LEAVES];
    const struct vm *vm = &init.vm[index];
    const struct manifest_vm *manifest = vm->manifest;
    unsigned count = leaves_of(system_space(SLOT_VM(index) + VM_SLOT_SPACE), leaf);
    for (unsigned i = 0; i < count; i++) {
        bool own = false;
        for (unsigned s = 0; s < vm->span_count; s++) {
            own |= is_in(&leaf[i], (struct memory){vm->span[s].physical, vm->span[s].size});
        }
        for (unsigned p = 0; p < manifest->passthrough_count; p++) {
            const struct manifest_passthrough *range = &manifest->passthrough[p];
            own |= is_in(&leaf[i], (struct memory){range->host, range->guest.size}) &&
                   !(leaf[i].rights & ~range->rights);
        }
        require(own, "a guest has memory mapped that is not its own");
    }
}

void grants_check(void) {
    static struct leaf leaf[LEAVES];
    for (unsigned i = 0; i < init.manifest.server_count; i++) {
        const struct task *task = system_server(i);
        for (uint32_t slot = 0; slot < task->cap_count; slot++) {
            check_cap(i, &task->cap[slot]);
        }
        unsigned count = leaves_of(system_space(init.server[i].body->slot + 1), leaf);
        for (unsigned n = 0; n < count; n++) {
            require(may_see(i, &leaf[n]), "a server sees memory that is not its own");
        }
        require(task->guest_right == init.manifest.server[i].guest_access,
                "a server may read guests though the manifest does not say so");
    }
    for (unsigned i = 0; i < init.manifest.vm_count; i++) {
        check_guest(i);
    }
}
