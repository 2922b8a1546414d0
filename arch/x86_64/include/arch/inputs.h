// What else than interrupts of the vector table a vCPU of x86_64 gets from the APIC bus, by
// VCPU_INTERRUPT (APM volume 2, 16.5). Apart from arch/interrupt.h for servers' tests, which run
// with another architecture's.
#pragma once

// NMI is taken as soon as none is served. INIT stops a vCPU; then, or when it never ran, STARTUP
// plus a vector starts it, in real mode at the beginning of the page of that number. One that
// runs takes no STARTUP, and one that was stopped otherwise takes neither. PRIORITY plus a value
// below 16 is what the guest reads as CR8 from now on; it holds no interrupt off.
enum input { INPUT_NMI = 0x201, INPUT_INIT, INPUT_PRIORITY = 0x210, INPUT_STARTUP = 0x300 };
#define INPUT_PRIORITIES 16
