// What only single instructions can do: each in a process of its own.
#pragma once

struct odd_act {
    const char *name;
    void (*act)(void); // what it does last is to end the process
    int status;        // as wait4() tells it
};

extern const struct odd_act odd_acts[];
extern const unsigned odd_count;
