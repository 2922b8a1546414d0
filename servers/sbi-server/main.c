// sbi-server: the firmware of guests; SBI is riscv64's. Its config, where N is a VM's number, 0 to
// 255, which is the badge of that VM's exits; there may be 4 VMs:
//
//   state           window   the state region, one page
//   init            cap      portal: told when a VM ends, or can't go on
//   console         cap      portal: signalled behind new output, called when the ring is full
//   vcpus-N         number   how many vCPUs; their numbers are 0 to that; 48 in all VMs together
//   vcpu-N          cap      a vCPU, in the order of their numbers: to read registers (x86_64)
//   guest-ram-N     window   guest RAM: guest, size, address, rights (W for DBCN reads); up to 8
//   console-out-N   window   struct ring, the guest's output; without one there is no console
//   console-in-N    window   struct ring, the guest's input; without one there is none
//
// Where the firmware has no console (firmware_has_console), the last two are not looked at.
#include "servers/sbi-server/firmware.h"

struct firmware firmware_server;

static enum status take_over(void *state) {
    const struct config_entry *region = rt_need("state");
    enum status status = firmware_adopt(state, (void *)(uintptr_t)region->address, region->size);
    if (status == STATUS_OK) {
        firmware_resume(state);
    }
    return status;
}

int main(void) {
    const char *wrong;
    enum status status = firmware_configure(&firmware_server, rt_config, &wrong);
    if (status != STATUS_OK) {
        rt_die("the config's entry `%.*s` can't be right: %s", CONFIG_NAME, wrong,
               status_text(status));
    }
    rt_succeed(take_over, FIRMWARE_STATE_VERSION, firmware_serve, &firmware_server);
}
