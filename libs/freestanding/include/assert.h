// <assert.h> for code without a C library: only what is checked while compiling. There is no
// assert(): nothing that a guest or a server can cause may end in one.
#pragma once

#define static_assert _Static_assert
