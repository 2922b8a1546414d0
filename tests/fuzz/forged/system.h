// The whole system on the fake machine, up to where its guests run: the core, and every server and
// VM of forged.dts, made and given what they have by init's own code. What init does afterwards is
// not part of it: a record that reaches init is answered with nothing.
//
// Neither side knows the other's headers, because both have a `struct machine` and a `struct
// server`: start.c and grants.c are init's, all else is the fake machine's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct task;
struct vcpu;

// --- system.c

// The machine with nothing but init on it; then, with all of it, at rest.
void system_begin(void);

// Everybody behaves until nobody has anything to do: records are answered by as little as can be,
// servers that died are started again, and each VM runs.
void system_settle(void);

// What init has in SLOT, and the space in SLOT.
void *system_object(unsigned slot);
struct space *system_space(unsigned slot);

struct task *system_server(unsigned index);
struct vcpu *system_vcpu(unsigned vm, unsigned number);

// --- start.c

// OBJECTS is the first page of object memory that is free, HIGH where init's memory begins.
void start_all(uint32_t objects, uint64_t high);
void start_again(unsigned server);

unsigned start_servers(void); // how many there are
unsigned start_vms(void);
unsigned start_vcpus(unsigned vm);
unsigned start_task_slot(unsigned server); // in init's table
unsigned start_portal_slot(unsigned server);
unsigned start_vcpu_slot(unsigned vm, unsigned number);

// Keeps what init knows, and brings it back.
void start_keep(void);
void start_bring_back(void);

// --- grants.c

// Nobody was given more than the manifest says, in capabilities or in mappings.
void grants_check(void);
