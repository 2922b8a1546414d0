// Names of config entries (ipc/config.h) that belong to a VM: "NAME-N", where N is the VM's number,
// the badge of its exits. "ram-0", "console-out-1", "device-0:goldfish-rtc". One name can stand
// several times; the order is init's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ipc/config.h"

// Whether ENTRY is called NAME-N, with *VM = N then, which is below LIMIT. *REST, where REST is not
// NULL, is what follows a colon behind that; without REST there must be none.
bool config_of_vm(const struct config_entry *entry, const char *name, uint32_t limit, uint32_t *vm,
                  const char **rest);

// Whether ENTRY is called NAME.
bool config_is(const struct config_entry *entry, const char *name);

// The first entry of CONFIG called NAME, or NULL.
const struct config_entry *config_find(const struct config *config, const char *name);
