// The first program when no other is asked for: works long enough to be interrupted many times,
// checks that its registers and its memory came through, and exits with 0. It prints nothing.
#include <stdint.h>

// π(200000).
#define LIMIT 200000
#define PRIMES 17984

static uint8_t composite[LIMIT];

// By a sieve, in memory that is all touched for the first time here.
static uint32_t count_by_sieve(void) {
    uint32_t count = 0;
    for (uint32_t n = 2; n < LIMIT; n++) {
        if (composite[n])
            continue;
        count++;
        for (uint32_t multiple = 2 * n; multiple < LIMIT; multiple += n)
            composite[multiple] = 1;
    }
    return count;
}

// By division, in registers.
static uint32_t count_by_division(void) {
    uint32_t count = 1;
    for (uint32_t n = 3; n < LIMIT; n += 2) {
        uint32_t divisor = 3;
        while (divisor * divisor <= n && n % divisor != 0)
            divisor += 2;
        count += divisor * divisor > n;
    }
    return count;
}

int main(void) { return count_by_sieve() == PRIMES && count_by_division() == PRIMES ? 0 : 1; }
