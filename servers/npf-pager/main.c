// npf-pager: nested page faults of guests. Its config, where N is a VM's number, 0 to 255, which is
// the badge of that VM's exits; there may be 4 VMs:
//
//   state            window   the state region: one page, and one more for each interrupt
//                             controller
//   init             cap      portal: told when a VM has to be stopped
//   ram-N            cap      guest RAM: slot (a frame that begins with it), guest, size, physical,
//                             rights; address: 21 when 2 MiB are to be mapped at a touch, where
//                             they fit, else 12
//   passthrough-N    cap      a window on the machine: the same, by pages of 2 MiB where they fit;
//                             rights with DEVICE where nothing in it is executed
//   device-N:NAME    number   emulated registers: guest, size; NAME is `compatible` without its
//                             vendor ("goldfish-rtc"); address: the line by which it interrupts,
//                             at the VM's emulated controller; 0: none. Clocks have none: an
//                             alarm would have nobody to wake this server
//   vcpu-N           cap      a vCPU whose registers may be read; one entry for each, in their
//                             order. Needed where there are devices
//   console-out-N    window   struct ring, the guest's output, and
//   console-in-N     window   its input: where the guest's UART is played. Optional
//   console          cap      portal: signalled behind new output, called when the ring is full
//   lapic            cap      portal: called for accesses to the device "xapic" (ipc/lapic.h).
//                             Needed where there is one
//   epoch            number   nanoseconds from 1970 to the counter's 0; without one clocks begin
//                             there. Optional
//
// 24 regions a VM; in all VMs together 16 devices, besides what has no state of its own, and 48
// vCPUs.
#include "servers/npf-pager/pager.h"

struct pager pager;

static enum status take_over(void *state) {
    const struct config_entry *region = rt_need("state");
    return pager_adopt(state, (void *)(uintptr_t)region->address, region->size);
}

int main(void) {
    const char *wrong;
    enum status status = pager_configure(&pager, rt_config, &wrong);
    if (status != STATUS_OK) {
        rt_die("the config's entry `%.*s` can't be right: %s", CONFIG_NAME, wrong,
               status_text(status));
    }
    rt_succeed(take_over, PAGER_STATE_VERSION, pager_serve, &pager);
}
