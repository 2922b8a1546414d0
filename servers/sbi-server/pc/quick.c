// The shortest way of what guests read at ports again and again: the line status of the serial
// port, for which whoever writes there waits byte by byte. Nothing changes by that.
#include "servers/sbi-server/pc/uart.h"

// What EXITINFO1 says of the access beside the size of addresses and the segment, which are those
// of string instructions.
#define ACCESS_SAID (UINT32_C(0xffff) << 16 | 7u << 4 | PORT_REPEAT | PORT_STRING | PORT_IN)
#define ACCESS_LINE ((uint32_t)(UART_PORT + UART_LINE) << 16 | 1u << 4 | PORT_IN)

void rt_exit(uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
             uint64_t word5, uint64_t word6, uint64_t word7) {
    const struct firmware *firmware = &firmware_server;
    if (MESSAGE_CLASS(rt_record.info) == EXIT_IO && (word0 & ACCESS_SAID) == ACCESS_LINE) {
        // init gives no badge above what the table has.
        const uint32_t found = firmware->place[rt_record.badge % FIRMWARE_NUMBERS];
        if (found != 0) {
            const struct firmware_state *state = state_current(&firmware->state);
            const struct ring *in = firmware->vm[found - 1].in;
            const bool waiting =
                in && ring_readable(ring_load(&in->head), state->console[found - 1].tail) > 0;
            rt_reply_write(REPLY_FLAGS | REPLY_ADVANCE | REPLY_WRITE | REPLY_REGISTER(0),
                           (word1 & ~UINT64_C(0xff)) | uart_line(waiting), word2);
        }
    }
    rt_handle_rest(word0, word1, word2, word3, word4, word5, word6, word7);
}
