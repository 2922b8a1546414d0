// The interrupts of the UART, whose line is level-sensitive, and of the virtual timer.
#include "tests/system/guests/aarch64/interrupts.h"

#define UART 33

#define UARTDR 0x00u
#define UARTFR 0x18u
#define UARTIMSC 0x38u
#define UARTICR 0x44u
#define UART_EMPTY (1u << 4) // of UARTFR: nothing was received
#define UART_SENT (1u << 5)
#define UART_RECEIVED (1u << 4 | 1u << 6)

static volatile uint8_t *uart;

static volatile uint32_t *uart_word(unsigned offset) {
    return (volatile uint32_t *)(uart + offset);
}

static void uart_put(unsigned offset, uint32_t value) {
    *uart_word(offset) = value;
    __asm__ volatile("dsb sy\n isb" ::: "memory");
}

static void begin_uart(const struct machine *machine) {
    struct machine_range range = {0};
    check(machine_device(machine, "arm,pl011", 0, &range), "a PL011");
    uart = (volatile uint8_t *)range.base;
    uart_put(UARTIMSC, 0);
    uart_put(UARTICR, 0x7ff);
    gic_level(UART);
    gic_bit(ISENABLER, UART);
}

// It comes for as long as the line says so, and no longer.
void try_uart(const struct machine *machine) {
    begin_uart(machine);
    check(gic_take() == SPURIOUS, "it is quiet");
    uart_put(UARTIMSC, UART_SENT);
    uart_put(UARTDR, '.');
    for (unsigned i = 0; i < 3; i++) {
        check(gic_wait() == UART, "the line is up");
        check(gic_is(ISACTIVER, UART) && gic_is(ISPENDR, UART), "active and pending");
        gic_end(UART);
    }
    uart_put(UARTIMSC, 0);
    check(gic_take() == SPURIOUS && !gic_is(ISPENDR, UART), "the line is down");
    uart_put(UARTIMSC, UART_SENT);
    check(gic_take() == UART, "it is up again");
    uart_put(UARTICR, UART_SENT);
    gic_end(UART);
    check(gic_take() == SPURIOUS, "it fell before the end");
    uart_put(UARTDR, '\n');
    gic_bit(ICENABLER, UART);
    check(gic_take() == SPURIOUS && gic_is(ISPENDR, UART), "it is disabled");
    gic_bit(ISENABLER, UART);
    check(gic_wait() == UART, "it is enabled");
    uart_put(UARTIMSC, 0);
    gic_end(UART);
    check(gic_take() == SPURIOUS, "nothing is left");
}

// What is typed comes by interrupts.
void try_typing(const struct machine *machine) {
    char line[64];
    unsigned length = 0, interrupts = 0;
    begin_uart(machine);
    print("type a line\n");
    uart_put(UARTIMSC, UART_RECEIVED);
    while (length < sizeof(line) - 1 && (length == 0 || line[length - 1] != '\r')) {
        const unsigned intid = gic_take();
        if (intid == SPURIOUS) {
            __asm__ volatile("wfi" ::: "memory");
            continue;
        }
        check(intid == UART, "interrupt %u, not the UART's", intid);
        interrupts++;
        while (!(*uart_word(UARTFR) & UART_EMPTY) && length < sizeof(line) - 1)
            line[length++] = (char)*uart_word(UARTDR);
        gic_end(intid);
    }
    line[length > 0 ? length - 1 : 0] = '\0';
    uart_put(UARTIMSC, 0);
    check(interrupts > 0, "interrupts");
    print("typed: %s\n", line);
}

#define CNTV_CTL_STATUS 4 // the condition is met
#define SOON (sysreg_read(cntfrq_el0) / 10000)

static void wait_for_expiry(void) {
    uint64_t control;
    do {
        control = sysreg_read(cntv_ctl_el0);
    } while (!(control & CNTV_CTL_STATUS));
    sysreg_sync();
}

// A line that is up still when its interrupt ends need not be noticed at once: a GICv2 of QEMU 7.2
// looks at it again when the next of the machine's own interrupts comes, where a list register has
// ended it.
static unsigned take_soon(void) {
    const uint64_t deadline = sysreg_read(cntvct_el0) + sysreg_read(cntfrq_el0) / 10;
    unsigned intid = gic_take();
    while (intid == SPURIOUS && sysreg_read(cntvct_el0) < deadline)
        intid = gic_take();
    return intid;
}

// It is forwarded as its registers say, and is there for as long as the timer has passed.
void try_timer(void) {
    gic_bit(ICENABLER, TIMER);
    timer_set(SOON);
    wait_for_expiry();
    check(gic_take() == SPURIOUS, "it is disabled");
    gic_priority(TIMER, 0x60);
    gic_bit(ISENABLER, TIMER);
    check(gic_take() == TIMER, "it is enabled");
    check(gic_running() == 0x60, "running at 0x%x", gic_running());
    check(gic_is(ISACTIVER, TIMER), "active");
    gic_end(TIMER);
    check(take_soon() == TIMER, "the timer has passed still");
    timer_stop();
    gic_end(TIMER);
    check(gic_take() == SPURIOUS, "the timer is off");
    gic_priority(TIMER, 0xc0);
    gic_bit(ISPENDR, FIRST);
    gic_bit(ISENABLER, FIRST);
    timer_set(SOON);
    wait_for_expiry();
    check(gic_take() == FIRST, "another one is more urgent");
    gic_end(FIRST);
    check(gic_take() == TIMER, "then the timer's");
    check(gic_running() == 0xc0, "running at 0x%x", gic_running());
    timer_stop();
    gic_end(TIMER);
    gic_bit(ISACTIVER, TIMER);
    timer_set(SOON);
    wait_for_expiry();
    check(gic_take() == SPURIOUS, "software made it active");
    gic_bit(ICACTIVER, TIMER);
    check(gic_take() == TIMER, "and not active");
    gic_bit(ICENABLER, TIMER);
    timer_stop();
    gic_end(TIMER);
    check(gic_take() == SPURIOUS, "nothing is left");
}
