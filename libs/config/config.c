#include "libs/config/config.h"

#include <stddef.h>
#include <string.h>

bool config_is(const struct config_entry *entry, const char *name) {
    return strncmp(entry->name, name, CONFIG_NAME) == 0;
}

bool config_of_vm(const struct config_entry *entry, const char *name, uint32_t limit, uint32_t *vm,
                  const char **rest) {
    size_t length = strlen(name);
    const char *at = entry->name;
    const char *end = at + strnlen(at, CONFIG_NAME);
    // A name that fills the field has no NUL: REST could not be read as a text.
    if (end == at + CONFIG_NAME || strncmp(at, name, length) != 0 || at[length] != '-') {
        return false;
    }
    at += length + 1;
    uint32_t number = 0;
    const char *digits = at;
    for (; *at >= '0' && *at <= '9' && number < limit; at++) {
        number = number * 10 + (uint32_t)(*at - '0');
    }
    if (at == digits || number >= limit) {
        return false;
    }
    *vm = number;
    if (rest) {
        *rest = at + 1;
        return *at == ':';
    }
    return at == end;
}

const struct config_entry *config_find(const struct config *config, const char *name) {
    for (uint32_t i = 0; i < config->count; i++) {
        if (config_is(&config->entry[i], name)) {
            return &config->entry[i];
        }
    }
    return NULL;
}
