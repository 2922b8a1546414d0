// Deaths of the server in the middle of a call.
#pragma once

#include "tests/unit/sbi/world.h"

// The call in RECORD, cut short behind every change to what outlives the server, and then served by
// the next; which may die as well, so once more.
void dying_everywhere(const struct message *record);
