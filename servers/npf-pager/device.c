#include "servers/npf-pager/device.h"

#include <string.h>

extern const struct device_model goldfish_rtc;
extern const struct device_model pl031;

// All there are.
static const struct device_model *const models[] = {&goldfish_rtc, &pl031};

const struct device_model *device_find(const char *name) {
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        if (strcmp(models[i]->name, name) == 0) {
            return models[i];
        }
    }
    return NULL;
}
