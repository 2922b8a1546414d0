#include "servers/npf-pager/device.h"

#include <string.h>

#include "servers/npf-pager/machine.h"

const struct device_model *device_find(const char *name) {
    for (size_t i = 0; machine_models[i]; i++) {
        if (strcmp(machine_models[i]->name, name) == 0) {
            return machine_models[i];
        }
    }
    return NULL;
}
