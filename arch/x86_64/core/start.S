// The first instructions: by the PVH entry (Xen's docs/misc/pvh.pandoc) or by Multiboot2 (3.3), in
// 32-bit protected mode, paging off, EBX = what the loader tells, EAX who it is. The image is linked
// where it will run, in the upper half.
#define IMAGE_OFFSET 0xffffffff80000000
#define PHYSICAL(symbol) (symbol - IMAGE_OFFSET)

#define CR4_PAE_BIT 0x20
#define CR0_BITS 0x80010001         // paging, write protection, protected mode
#define MSR_EFER_NUMBER 0xc0000080
#define EFER_BITS 0x900             // long mode, no-execute
#define MULTIBOOT2 0xe85250d6
#define ENTRY_TABLE 3               // present, writable
#define ENTRY_LARGE 0x83

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18                  // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long PHYSICAL(_start)

    .section .text.start, "ax"
    .code32
    .global _start
_start:
    cli
    cld
    mov %eax, %ebp
    lgdt PHYSICAL(early_gdt_pointer)
    mov $CR4_PAE_BIT, %eax
    mov %eax, %cr4
    mov $PHYSICAL(early_root), %eax
    mov %eax, %cr3
    mov $MSR_EFER_NUMBER, %ecx
    rdmsr
    or $EFER_BITS, %eax
    wrmsr
    mov $CR0_BITS, %eax
    mov %eax, %cr0
    ljmp $8, $PHYSICAL(long_mode)

    // For loaders, within the file's first 32 KiB (Multiboot2, 3.1): no wishes but the end of them.
    .balign 8
    .long MULTIBOOT2, 0, 24, 0x100000000 - MULTIBOOT2 - 24
    .quad 8 << 32

    .code64
long_mode:
    movabs $high, %rax
    jmp *%rax
high:
    mov $16, %eax
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov $boot_bundle, %rsp          // the stack grows down from below the bundle
    mov %ebp, %edi
    mov %ebx, %esi
    call boot_x86_64
    jmp vector_leave

    // Until boot.c has made better ones: the first gigabyte, where it is and in the upper half.
    .section .data
    .balign 4096
early_root:
    .quad PHYSICAL(early_upper) + ENTRY_TABLE
    .fill 510, 8, 0
    .quad PHYSICAL(early_upper) + ENTRY_TABLE
early_upper:
    .quad PHYSICAL(early_middle) + ENTRY_TABLE
    .fill 509, 8, 0
    .quad PHYSICAL(early_middle) + ENTRY_TABLE
    .quad 0
early_middle:
    .set block, 0
    .rept 512
    .quad block << 21 | ENTRY_LARGE
    .set block, block + 1
    .endr
early_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
early_gdt_pointer:
    .word . - early_gdt - 1
    .long PHYSICAL(early_gdt)
