// Virtual interrupts by their number in RAISE and CLEAR (contract: each architecture has this
// header, with INTERRUPT_TIMER, that of the guest's timer, and INTERRUPT_COUNT, one more than the
// largest).
#pragma once

// Vectors of the guest's interrupt descriptor table. The highest that is raised is taken first;
// what a local APIC holds back until then is that APIC's, which a server plays.
//
// The vector of its timer only the guest knows, and that APIC: so a deadline takes none back.
//
// WINDOW is not one that the guest gets: raised by VCPU_INTERRUPT, it asks for the WINDOW exit,
// which comes as soon as the guest would take any.
enum interrupt { INTERRUPT_COUNT = 256, INTERRUPT_TIMER = INTERRUPT_COUNT, INTERRUPT_WINDOW = 512 };
