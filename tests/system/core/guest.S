// A guest, as Multiboot would start it: 32 bits, flat, at 0x200000. Each thing that it tries ends in
// a VMMCALL, whose RAX is the number of the step and RSI what came of it.
#define PORT 0x3f9
#define PAGE_ON_DEMAND 0x700000
#define VECTOR 0x40
#define CODE 8
#define DATA 16

.macro step number
    mov $\number, %eax
    vmmcall
.endm

// An interrupt gate (present, 32 bits) for VECTOR to a place in this code, made at run time.
.macro gate vector, place
    mov $\place - guest_begin + 0x200000, %eax
    mov %ax, 0x300000 + \vector * 8
    movw $CODE, 0x300000 + \vector * 8 + 2
    movw $0x8e00, 0x300000 + \vector * 8 + 4
    shr $16, %eax
    mov %ax, 0x300000 + \vector * 8 + 6
.endm

// 100 rounds, and in ESI the instructions that they took, but for OWN of each round.
.macro begin
    rdtsc
    mov %eax, %esi
    mov $100, %edi
.endm
.macro again label, own
    dec %edi
    jnz \label
    rdtsc
    sub %esi, %eax
    lea -100 * \own(%eax), %esi
.endm

    .section .rodata
    .global guest_begin, guest_end
    .balign 4096
guest_begin:
    .code32
    mov %eax, %esi
    step 1                      // what EAX was at the start
    mov $0x40000000, %eax
    cpuid
    mov %edx, %esi
    step 2                      // what CPUID said
    mov $PORT, %edx
    in %dx, %al
    movzx %al, %esi
    step 3                      // what the port had
    mov $PAGE_ON_DEMAND, %ebx
    movl $0x1234, (%ebx)
    mov (%ebx), %esi
    step 4                      // what was stored in the page that was mapped for it
    mov $0x1b, %ecx
    rdmsr
    mov %eax, %esi
    step 5                      // what the MSR had
    mov $0x310000, %esp
    lgdt (gdt_pointer - guest_begin + 0x200000)
    lidt (idt_pointer - guest_begin + 0x200000)
    ljmp $CODE, $(1f - guest_begin + 0x200000)
1:  mov $DATA, %eax
    mov %eax, %ss
    mov %eax, %ds
    gate 6, undefined
    gate 13, protection
    gate VECTOR, interrupt
    xor %esi, %esi
    xor %eax, %eax
    vmrun %eax
    step 6                      // that VMRUN was refused by #UD
    xor %esi, %esi
    xor %ecx, %ecx
    rdmsr                       // refused by #GP, which has an error code
    step 7
    xor %esi, %esi
    sti
    hlt
    cli
    step 8                      // that HLT was ended by an interrupt
    xor %esi, %esi
    step 9                      // arms a deadline
    sti
2:  test %esi, %esi
    jz 2b
    cli
    step 10                     // that it ended in an interrupt
    xor %esi, %esi
    step 11                     // asks for the window
    sti
    nop
    cli
    step 12
    mov $0x1c, %ecx
    rdmsr                       // its answer sets all flags that it can
    pushf
    pop %esi
    inc %ecx
    rdmsr                       // and this clears them
    pushf
    pop %eax
    shl $16, %eax
    or %eax, %esi
    step 13                     // only those of arithmetic were changed
    begin
3:  xor %eax, %eax
    vmmcall
    again 3b, 4
    step 14                     // how many instructions 100 hypercalls took
    begin
4:  mov $0x40000001, %eax
    cpuid
    again 4b, 4
    step 15                     // 100 times CPUID
    begin
    mov $PORT, %edx
5:  in %dx, %al
    again 5b, 3
    step 16                     // 100 times a port
    mov $0x800000, %ebx
    begin
6:  mov (%ebx), %eax
    add $4096, %ebx
    again 6b, 4
    step 17                     // 100 first touches
    step 18
    lidt (no_table - guest_begin + 0x200000)
    ud2                         // no handler, and none for that: the end
undefined:
    mov $6, %esi
    addl $3, (%esp)
    iret
protection:
    mov $13, %esi
    add $4, %esp
    addl $2, (%esp)
    iret
interrupt:
    mov $VECTOR, %esi
    iret
    .balign 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    .word 23
    .long gdt - guest_begin + 0x200000
idt_pointer:
    .word 0x41 * 8 - 1
    .long 0x300000
no_table:
    .word 0
    .long 0
guest_end:
    .code64
