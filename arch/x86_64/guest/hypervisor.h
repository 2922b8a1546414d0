// What Exeunt is to its x86_64 guests, beside the processor. Its side of this is a server's.
//
// Start: as a Multiboot loader starts a kernel (0.6.96, chapter 3.2): 32-bit protected mode without
// paging, flat segments, interrupts off, EAX = 0x2badb002, EBX = the information, with the memory
// map (flags bit 6) and, if there is one, the command line (bit 2), whose first word names the
// image. The image is flat and goes to the address that its Multiboot header says, and is entered
// at its first byte.
//
// CPUID: CPUID_FEATURES.ECX bit 31 is set. Leaf 0x40000000 answers EAX = the last leaf that there
// is, 0x40000010 at least, and EBX, ECX, EDX = "ExeuntExeunt". Leaf 0x40000010, as with others
// (VMware, KVM, bhyve), answers EAX = the time stamp counter's and EBX = the LAPIC timer's
// frequency before its divider, both in kHz: there is no other timer to measure them by. Offered
// are x2APIC (ECX bit 21) and the LAPIC timer's TSC deadline (bit 24), so that setting the timer
// and ending its interrupt are one write to an MSR each.
//
// VMMCALL from ring 0, by RAX; all other registers are kept:
//   0x..cc01     the character cc goes to the console (RAX's low byte is 1)
//   0x84000008   the machine is turned off
//   0x84000009   the same, as failed: whoever started it does not want it started again
// The numbers of the last two are PSCI's SYSTEM_OFF and SYSTEM_RESET. All others are refused: RAX
// becomes a small negative number, which another version of the hypervisor may have another of.
//
// Ports: 0x3f8 to 0x3ff are a 16550, by which the guest gets what was typed; 0x70 and 0x71 a PC's
// real-time clock, or all ones for none. There is no PIC and no PIT.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HYPERVISOR_LEAF_FREQUENCIES 0x40000010
#define HYPERVISOR_PUT_CHARACTER(c) (UINT64_C(1) | (uint64_t)(unsigned char)(c) << 8)
#define HYPERVISOR_NOTHING UINT64_C(0) // a call that there is not
#define HYPERVISOR_OFF UINT64_C(0x84000008)
#define HYPERVISOR_OFF_FAILED UINT64_C(0x84000009)

// False on the bare machine, and under any other hypervisor.
bool hypervisor_is_there(void);

// Returns what RAX is then.
uint64_t hypervisor_call(uint64_t call);
