// futex(2) itself, without the C library's locks around it.
#pragma once

// Returns NULL when all answers are as they should be, else what was not.
const char *futexes_try(void);
