// What platform.c and the trap code need of the clock (guest/clock.h): the CPU's virtual timer.
#pragma once

#include <stdint.h>

// The virtual timer's interrupt (Arm BSA, DEN0094, 3.8.2): PPI 11.
#define CLOCK_INTERRUPT 27

// `rtc`: the registers of an Arm PL031, or NULL.
void clock_init(const volatile void *rtc);

// Takes the timer's interrupt back; it comes again with the next deadline.
void clock_hold(void);
