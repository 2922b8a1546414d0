#include "guest/gkernel/panic.h"

#include <stdarg.h>

#include "guest/cpu.h"
#include "guest/firmware.h"
#include "guest/gkernel/console.h"

_Noreturn void panic(const char *text, ...) {
    cpu_interrupts_off();
    va_list arguments;
    va_start(arguments, text);
    printk("\npanic: ");
    console_vprint(text, arguments);
    va_end(arguments);
    printk("\n");
    firmware_shutdown(true);
}
