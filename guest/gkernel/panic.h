// The end, when the kernel can't go on.
#pragma once

// Says why and ends the machine as failed.
__attribute__((format(printf, 1, 2))) _Noreturn void panic(const char *text, ...);
