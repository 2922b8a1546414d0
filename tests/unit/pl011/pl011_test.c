// The virtual UART's registers do what the manual says (Arm DDI 0183, chapter 3).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "libs/pl011/pl011.h"

// The flag register.
#define RXFE 0x10u
#define TXFF 0x20u
#define RXFF 0x40u
#define TXFE 0x80u
#define BUSY 0x08u

// Interrupts.
#define RX 0x010u
#define TX 0x020u
#define RT 0x040u
#define OE 0x400u

#define LINE_8N1 0x60u
#define LINE_FIFOS 0x10u

static struct pl011 uart;

static int begin(void **state) {
    (void)state;
    memset(&uart, 0xa5, sizeof(uart));
    pl011_reset(&uart);
    return 0;
}

static void offer(unsigned count, uint8_t first) {
    for (unsigned n = 0; n < count; n++) {
        pl011_offer(&uart, (uint8_t)(first + n));
    }
}

static void test_as_firmware_leaves_it(void **state) {
    (void)state;
    assert_int_equal(pl011_read(&uart, PL011_CR), 0x301);
    assert_int_equal(pl011_read(&uart, PL011_LCR_H), LINE_8N1 | LINE_FIFOS);
    // 24 MHz / (16 * (13 + 1/64)) is 115,200 to within a thousandth.
    assert_int_equal(pl011_read(&uart, PL011_IBRD), 13);
    assert_int_equal(pl011_read(&uart, PL011_FBRD), 1);
    assert_int_equal(pl011_read(&uart, PL011_IFLS), 0x12);
    assert_int_equal(pl011_read(&uart, PL011_IMSC), 0);
    assert_int_equal(pl011_read(&uart, PL011_RIS), 0);
    assert_int_equal(pl011_read(&uart, PL011_FR) & (RXFE | TXFE | RXFF | TXFF | BUSY), RXFE | TXFE);
    assert_false(pl011_line(&uart));
}

static void test_identification(void **state) {
    (void)state;
    static const uint8_t ids[] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    for (unsigned n = 0; n < 8; n++) {
        pl011_write(&uart, PL011_IDS + 4 * n, 0xff);
        assert_int_equal(pl011_read(&uart, PL011_IDS + 4 * n), ids[n]);
    }
    // By what Linux' driver finds it: part and designer.
    uint32_t id = 0;
    for (unsigned n = 0; n < 4; n++) {
        id |= pl011_read(&uart, PL011_IDS + 4 * n) << 8 * n;
    }
    assert_int_equal(id & 0x000fffff, 0x00041011);
}

static void test_sends_at_once(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        assert_int_equal(pl011_write(&uart, PL011_DR, byte), byte);
        assert_int_equal(pl011_read(&uart, PL011_FR) & (TXFE | TXFF | BUSY), TXFE);
    }
    assert_int_equal(pl011_write(&uart, PL011_DR, 0xf41), 0x41); // the rest is not sent
    pl011_write(&uart, PL011_CR, 0x201);                         // transmitter off
    assert_int_equal(pl011_write(&uart, PL011_DR, 'x'), PL011_NOTHING);
    pl011_write(&uart, PL011_CR, 0x300); // all off
    assert_int_equal(pl011_write(&uart, PL011_DR, 'x'), PL011_NOTHING);
    pl011_write(&uart, PL011_CR, 0x101);
    assert_int_equal(pl011_write(&uart, PL011_DR, 'x'), 'x');
}

// The transmit interrupt comes of passing the level: not before something was sent.
static void test_transmit_interrupt(void **state) {
    (void)state;
    pl011_write(&uart, PL011_IMSC, TX);
    assert_false(pl011_line(&uart));
    pl011_write(&uart, PL011_DR, 'a');
    assert_int_equal(pl011_read(&uart, PL011_RIS), TX);
    assert_int_equal(pl011_read(&uart, PL011_MIS), TX);
    assert_true(pl011_line(&uart));
    pl011_write(&uart, PL011_IMSC, 0);
    assert_false(pl011_line(&uart));
    assert_int_equal(pl011_read(&uart, PL011_RIS), TX);
    assert_int_equal(pl011_read(&uart, PL011_MIS), 0);
    pl011_write(&uart, PL011_ICR, 0x7ff & ~TX);
    assert_int_equal(pl011_read(&uart, PL011_RIS), TX);
    pl011_write(&uart, PL011_ICR, TX);
    assert_int_equal(pl011_read(&uart, PL011_RIS), 0);
}

static void test_receives_in_order(void **state) {
    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        offer(11, 0x80);
        assert_int_equal(pl011_room(&uart), 5);
        for (unsigned n = 0; n < 11; n++) {
            assert_int_equal(pl011_read(&uart, PL011_FR) & RXFE, 0);
            assert_int_equal(pl011_take(&uart), 0x80 + n);
            assert_int_equal(uart.last, 0x80 + n);
        }
        assert_int_equal(pl011_read(&uart, PL011_FR) & RXFE, RXFE);
        assert_int_equal(pl011_take(&uart), 0); // nothing
        assert_int_equal(pl011_room(&uart), PL011_FIFO);
    }
}

static void test_receive_interrupt_at_each_level(void **state) {
    (void)state;
    static const unsigned levels[] = {2, 4, 8, 12, 14};
    for (unsigned n = 0; n < 5; n++) {
        pl011_reset(&uart);
        pl011_write(&uart, PL011_IFLS, n << 3);
        pl011_write(&uart, PL011_IMSC, RX);
        offer(levels[n] - 1, 0);
        assert_false(pl011_line(&uart));
        offer(1, 0);
        assert_true(pl011_line(&uart));
        pl011_take(&uart);
        assert_false(pl011_line(&uart));
        offer(1, 0);
        assert_true(pl011_line(&uart));
        // Cleared, it does not come again from bytes above the level.
        pl011_write(&uart, PL011_ICR, RX);
        offer(1, 0);
        assert_false(pl011_line(&uart));
    }
}

static void test_time_out_tells_of_single_bytes(void **state) {
    (void)state;
    pl011_write(&uart, PL011_IMSC, RX | RT);
    offer(2, 'a');
    assert_int_equal(pl011_read(&uart, PL011_MIS), RT);
    pl011_take(&uart);
    assert_true(pl011_line(&uart));
    pl011_take(&uart);
    assert_false(pl011_line(&uart)); // empty
    offer(1, 'c');
    pl011_write(&uart, PL011_ICR, RT);
    assert_false(pl011_line(&uart));
    offer(1, 'd');
    assert_true(pl011_line(&uart));
}

static void test_full(void **state) {
    (void)state;
    offer(16, 0);
    assert_int_equal(pl011_room(&uart), 0);
    assert_int_equal(pl011_read(&uart, PL011_FR) & RXFF, RXFF);
    assert_int_equal(pl011_read(&uart, PL011_RSR), 0);
    pl011_offer(&uart, 0xee);
    assert_int_equal(pl011_read(&uart, PL011_RIS) & OE, OE);
    assert_int_equal(pl011_read(&uart, PL011_RSR), 8);
    assert_int_equal(pl011_take(&uart), 0x800);
    pl011_write(&uart, PL011_RSR, 0); // ECR
    assert_int_equal(pl011_read(&uart, PL011_RSR), 0);
    pl011_write(&uart, PL011_ICR, OE);
    assert_int_equal(pl011_read(&uart, PL011_RIS) & OE, 0);
    for (unsigned n = 1; n < 16; n++) {
        assert_int_equal(pl011_take(&uart), n); // the one too many is not among them
    }
    assert_int_equal(pl011_read(&uart, PL011_FR) & RXFE, RXFE);
}

static void test_without_fifos(void **state) {
    (void)state;
    pl011_write(&uart, PL011_LCR_H, LINE_8N1);
    pl011_write(&uart, PL011_IMSC, RX);
    assert_int_equal(pl011_room(&uart), 1);
    offer(1, 'z');
    assert_int_equal(pl011_room(&uart), 0);
    assert_int_equal(pl011_read(&uart, PL011_FR) & (RXFF | RXFE), RXFF);
    assert_true(pl011_line(&uart));
    assert_int_equal(pl011_take(&uart), 'z');
    assert_false(pl011_line(&uart));
    // Bytes that were in the FIFOs stay; there is room again when they are gone.
    pl011_write(&uart, PL011_LCR_H, LINE_8N1 | LINE_FIFOS);
    offer(3, 1);
    pl011_write(&uart, PL011_LCR_H, LINE_8N1);
    assert_int_equal(pl011_room(&uart), 0);
    assert_int_equal(pl011_take(&uart), 1);
    assert_int_equal(pl011_take(&uart), 2);
    assert_int_equal(pl011_room(&uart), 0);
    assert_int_equal(pl011_take(&uart), 3);
    assert_int_equal(pl011_room(&uart), 1);
}

static void test_receiver_off(void **state) {
    (void)state;
    static const uint32_t off[] = {0x300, 0x101, 0x381};
    for (unsigned n = 0; n < 3; n++) {
        pl011_write(&uart, PL011_CR, off[n]);
        assert_int_equal(pl011_room(&uart), 0);
        offer(1, 'x');
        assert_int_equal(pl011_read(&uart, PL011_FR) & RXFE, RXFE);
        assert_int_equal(pl011_read(&uart, PL011_RIS), 0);
    }
}

static void test_loopback(void **state) {
    (void)state;
    pl011_write(&uart, PL011_CR, 0x381);
    for (unsigned n = 0; n < 17; n++) {
        assert_int_equal(pl011_write(&uart, PL011_DR, n), PL011_NOTHING);
    }
    assert_int_equal(pl011_read(&uart, PL011_RSR), 8); // the 17th
    assert_int_equal(pl011_read(&uart, PL011_FR) & 0x107, 0);
    pl011_write(&uart, PL011_CR, 0x381 | 0x3c00); // DTR, RTS, Out1, Out2 come back as
    assert_int_equal(pl011_read(&uart, PL011_FR) & 0x107, 0x107); // DSR, CTS, DCD, RI
    assert_int_equal(pl011_take(&uart) & 0xff, 0);
    assert_int_equal(pl011_take(&uart) & 0xff, 1);
    pl011_write(&uart, PL011_CR, 0x181); // nobody listens
    uint8_t count = uart.count;
    pl011_write(&uart, PL011_DR, 'x');
    assert_int_equal(uart.count, count);
}

static void test_which_bits_stay(void **state) {
    (void)state;
    static const struct {
        unsigned offset;
        uint32_t bits;
    } registers[] = {
        {PL011_ILPR, 0xff}, {PL011_IBRD, 0xffff}, {PL011_FBRD, 0x3f},  {PL011_LCR_H, 0xff},
        {PL011_CR, 0xff87}, {PL011_IFLS, 0x3f},   {PL011_IMSC, 0x7ff}, {PL011_DMACR, 0x7},
        {PL011_RSR, 0},     {PL011_FR, 0x97},     {PL011_RIS, 0},      {PL011_MIS, 0},
        {PL011_ICR, 0},     {0x008, 0},           {0x01c, 0},          {0x04c, 0},
        {0x080, 0},         {0xfdc, 0},           {0x001, 0},          {0x031, 0},
        {PL011_IDS + 1, 0}, {PL011_SIZE, 0},      {0x10000030, 0},
    };
    for (unsigned n = 0; n < sizeof(registers) / sizeof(registers[0]); n++) {
        pl011_reset(&uart);
        assert_int_equal(pl011_write(&uart, registers[n].offset, 0xffffffff), PL011_NOTHING);
        assert_int_equal(pl011_read(&uart, registers[n].offset), registers[n].bits);
        pl011_write(&uart, registers[n].offset, 0);
        if (registers[n].offset != PL011_FR) {
            assert_int_equal(pl011_read(&uart, registers[n].offset), 0);
        }
    }
    assert_int_equal(pl011_read(&uart, UINT64_MAX), 0);
    assert_int_equal(pl011_write(&uart, UINT64_MAX & ~3ull, 1), PL011_NOTHING);
}

// Loads change nothing, but for that of DR.
static void test_loads_do_not_change_it(void **state) {
    (void)state;
    offer(5, 'a');
    struct pl011 before = uart;
    for (unsigned offset = 4; offset < PL011_SIZE; offset++) {
        pl011_read(&uart, offset);
        assert_memory_equal(&uart, &before, sizeof(uart));
    }
    pl011_take(&uart);
    assert_int_equal(uart.count, 4);
}

// Any row of accesses and bytes: what was received is what was offered, and the levels hold.
static void test_against_a_queue(void **state) {
    (void)state;
    static uint8_t queue[1 << 16];
    unsigned in = 0, out = 0;
    uint64_t chance = 5;
    pl011_write(&uart, PL011_IMSC, RX | RT);
    for (unsigned n = 0; n < 60000; n++) {
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        uint8_t byte = (uint8_t)(chance >> 40);
        if (chance >> 63 && pl011_room(&uart)) {
            pl011_offer(&uart, byte);
            queue[in++] = byte;
        } else if (in != out) {
            assert_int_equal(pl011_take(&uart), queue[out++]);
        }
        assert_int_equal(pl011_room(&uart), PL011_FIFO - (in - out));
        assert_int_equal(!(pl011_read(&uart, PL011_FR) & RXFE), in != out);
        assert_int_equal(pl011_line(&uart), in != out);
        assert_int_equal((pl011_read(&uart, PL011_RIS) & RX) != 0, in - out >= 8);
    }
    assert_true(out > 10000);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(as_firmware_leaves_it),
        TEST(identification),
        TEST(sends_at_once),
        TEST(transmit_interrupt),
        TEST(receives_in_order),
        TEST(receive_interrupt_at_each_level),
        TEST(time_out_tells_of_single_bytes),
        TEST(full),
        TEST(without_fifos),
        TEST(receiver_off),
        TEST(loopback),
        TEST(which_bits_stay),
        TEST(loads_do_not_change_it),
        TEST(against_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
