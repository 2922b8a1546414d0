// The one place where the registers are touched for real.

#include "arch/barrier.h"
#include "libs/virtio/mmio.h"

uint32_t virtio_mmio_window_read(void *window, unsigned offset, unsigned size) {
    const volatile uint8_t *at = (const volatile uint8_t *)window + offset;
    uint32_t value;
    if (size == 1)
        value = *at;
    else if (size == 2)
        value = *(const volatile uint16_t *)at;
    else
        value = *(const volatile uint32_t *)at;
    arch_device_barrier(); // what the device wrote to memory before it set the register is seen
                           // behind
    return value;
}

void virtio_mmio_window_write(void *window, unsigned offset, unsigned size, uint32_t value) {
    volatile uint8_t *at = (volatile uint8_t *)window + offset;
    arch_device_barrier();
    if (size == 1)
        *at = (uint8_t)value;
    else if (size == 2)
        *(volatile uint16_t *)at = (uint16_t)value;
    else
        *(volatile uint32_t *)at = value;
}
