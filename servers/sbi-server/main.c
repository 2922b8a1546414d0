// sbi-server: the firmware of guests. Its config, where N is a VM's number, 0 to 255, which is the
// badge of that VM's exits; there may be 4 VMs:
//
//   state           window   the state region, one page
//   init            cap      portal: told when a VM ends, or can't go on
//   console         cap      portal: signalled behind new output, called when the ring is full
//   vcpus-N         number   how many vCPUs; hart ids are 0 to that; 48 in all VMs together
//   guest-ram-N     window   guest RAM: guest, size, address, rights (W for DBCN reads); up to 8
//   console-out-N   window   struct ring, the guest's output; without one there is no console
//   console-in-N    window   struct ring, the guest's input; without one there is none
#include "servers/sbi-server/sbi.h"

static struct sbi sbi;

int main(void) {
    const char *wrong;
    enum status status = sbi_configure(&sbi, rt_config, &wrong);
    if (status != STATUS_OK) {
        rt_die("the config's entry `%.*s` can't be right: %s", CONFIG_NAME, wrong,
               status_text(status));
    }
    const struct config_entry *region = rt_need("state");
    status = sbi_adopt(&sbi, (void *)(uintptr_t)region->address, region->size);
    if (status != STATUS_OK) {
        rt_die("the state left by another server can't be taken over: %s", status_text(status));
    }
    sbi_resume(&sbi);
    rt_serve(sbi_serve, &sbi);
}
