// The CRC-32 of zlib, Ethernet and PNG (ISO-HDLC): polynomial 0x04c11db7, least significant bit
// first, begun with all ones and inverted at the end.
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32(const void *bytes, size_t size);
