// Virtual interrupts by their number in RAISE and CLEAR (contract: each architecture has this
// header, with INTERRUPT_TIMER, that of the guest's timer, and INTERRUPT_COUNT, one more than the
// largest).
#pragma once

// The three of the privileged architecture (hvip); external ones are the guest's controller's.
enum interrupt { INTERRUPT_SOFTWARE, INTERRUPT_TIMER, INTERRUPT_EXTERNAL, INTERRUPT_COUNT };
