// Takes the place of musl's arch/<arch>/syscall_arch.h: the one header in which musl reaches its
// kernel. Instead of trapping, a system call is a function call into the server runtime
// (//libs/rt), which answers what a server may ask for and refuses the rest with -ENOSYS.
#pragma once

#define __SYSCALL_LL_E(x) (x)
#define __SYSCALL_LL_O(x) (x)

// The number and the arguments are Linux's, the answer is its too: a value, or minus an errno.
long rt_musl_syscall(long n, long a, long b, long c, long d, long e, long f);

static inline long __syscall0(long n) { return rt_musl_syscall(n, 0, 0, 0, 0, 0, 0); }

static inline long __syscall1(long n, long a) { return rt_musl_syscall(n, a, 0, 0, 0, 0, 0); }

static inline long __syscall2(long n, long a, long b) {
    return rt_musl_syscall(n, a, b, 0, 0, 0, 0);
}

static inline long __syscall3(long n, long a, long b, long c) {
    return rt_musl_syscall(n, a, b, c, 0, 0, 0);
}

static inline long __syscall4(long n, long a, long b, long c, long d) {
    return rt_musl_syscall(n, a, b, c, d, 0, 0);
}

static inline long __syscall5(long n, long a, long b, long c, long d, long e) {
    return rt_musl_syscall(n, a, b, c, d, e, 0);
}

static inline long __syscall6(long n, long a, long b, long c, long d, long e, long f) {
    return rt_musl_syscall(n, a, b, c, d, e, f);
}

// There is no vDSO: no VDSO_USEFUL here.
