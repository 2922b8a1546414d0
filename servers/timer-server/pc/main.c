// timer-server on x86_64: each vCPU's local APIC and its timer, CPUID, and model-specific
// registers. Its config, where N is a VM's number, 0 to 255, which is the badge of that VM's exits;
// there may be 4 VMs:
//
//   state    window   the state region, two pages
//   vcpu-N   cap      a vCPU, in the order of their numbers; 16 in all VMs together
#include "servers/timer-server/pc/pc.h"

struct pc pc_server;

static enum status take_over(void *state) {
    const struct config_entry *region = rt_need("state");
    return pc_adopt(state, (void *)(uintptr_t)region->address, region->size);
}

int main(void) {
    const char *wrong;
    enum status status = pc_configure(&pc_server, rt_config, &wrong);
    if (status != STATUS_OK) {
        rt_die("the config's entry `%.*s` can't be right: %s", CONFIG_NAME, wrong,
               status_text(status));
    }
    rt_succeed(take_over, PC_STATE_VERSION, pc_serve, &pc_server);
}
