// The manifests as dtc compiles them, as bytes of the test program.

.macro blob name, file
    .balign 8
    .globl blob_\name
blob_\name:
    .incbin "\file"
    .globl blob_\name\()_end
blob_\name\()_end:
.endm

    .section .rodata
    blob default, "default-riscv64.dtb"
    blob default_aarch64, "default-aarch64.dtb"
    blob default_x86_64, "default-x86_64.dtb"
    blob two_vms_aarch64, "two-vms-aarch64.dtb"
    blob two_vms_x86_64, "two-vms-x86_64.dtb"
    blob gicv2_aarch64, "gicv2-aarch64.dtb"
    blob bench, "bench-riscv64.dtb"
    blob linux_sstc, "linux-riscv64.dtb"
    blob linux_nosstc, "linux-nosstc-riscv64.dtb"
    blob two_vms, "two-vms-riscv64.dtb"
    blob five_vms, "five-vms.dtb"
    blob wrong_exit_missing, "wrong-exit-missing.dtb"
    blob wrong_load_address, "wrong-load-address.dtb"
    blob wrong_passthrough_ram, "wrong-passthrough-ram.dtb"
    blob wrong_property_unknown, "wrong-property-unknown.dtb"
    blob wrong_regions_overlap, "wrong-regions-overlap.dtb"
    blob wrong_server_name, "wrong-server-name.dtb"
    blob wrong_vm_id, "wrong-vm-id.dtb"
    blob wrong_window_taken, "wrong-window-taken.dtb"

    .section .note.GNU-stack, "", %progbits
