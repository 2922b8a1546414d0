// The compiled manifests of guest/manifests, tests/system/manifests and this folder.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BLOB_LIST(X)                                                                               \
    X(default)                                                                                     \
    X(gicv2_aarch64)                                                                               \
    X(default_aarch64)                                                                             \
    X(default_x86_64)                                                                              \
    X(two_vms_x86_64)                                                                              \
    X(two_vms_aarch64)                                                                             \
    X(bench)                                                                                       \
    X(linux_nosstc)                                                                                \
    X(linux_sstc)                                                                                  \
    X(two_vms)                                                                                     \
    X(five_vms)                                                                                    \
    X(wrong_exit_missing)                                                                          \
    X(wrong_load_address)                                                                          \
    X(wrong_passthrough_ram)                                                                       \
    X(wrong_property_unknown)                                                                      \
    X(wrong_regions_overlap)                                                                       \
    X(wrong_server_name)                                                                           \
    X(wrong_vm_id)                                                                                 \
    X(wrong_window_taken)

#define BLOB_DECLARE(name) extern const uint8_t blob_##name[], blob_##name##_end[];
BLOB_LIST(BLOB_DECLARE)
#undef BLOB_DECLARE

#define BLOB_SIZE(name) ((size_t)(blob_##name##_end - blob_##name))
