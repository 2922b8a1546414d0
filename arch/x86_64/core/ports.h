// Ports for tasks (arch/ports.h).
#pragma once

#include "kernel/object/task.h"

// TASK trapped: if it was by an access to a port that its space allows, does it, and the task may
// go on.
bool ports_access(struct task *task);
