// Threads of one process: a counter behind a mutex, condition variables, results, variables of a
// thread's own. All of that is made of futexes, which are tried alone in futexes.c.
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest/programs/futexes.h"
#include "guest/programs/lib/measure.h"
#include "guest/programs/lib/report.h"

#define THREADS 4
#define INCREMENTS 25000 // each
#define ROUNDS 200

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

// ---- a counter that must be exact, and variables of a thread's own

static volatile unsigned counter;
static _Thread_local volatile unsigned own = 42;
static _Thread_local volatile unsigned own_zero;

static void *count(void *argument) {
    const unsigned number = (unsigned)(uintptr_t)argument;
    bool ok = own == 42 && own_zero == 0;
    own = number;
    for (unsigned i = 0; i < INCREMENTS; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
        own_zero++;
    }
    ok = ok && own == number && own_zero == INCREMENTS;
    return (void *)(uintptr_t)(ok ? number * number : 0);
}

// What the threads return is added up: the squares of 1 to 4.
static unsigned count_together(void) {
    pthread_t threads[THREADS];
    unsigned started = 0, sum = 0;
    while (started < THREADS &&
           pthread_create(&threads[started], NULL, count, (void *)(uintptr_t)(started + 1)) == 0)
        started++;
    for (unsigned i = 0; i < started; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        sum += (unsigned)(uintptr_t)result;
    }
    return own == 42 && own_zero == 0 ? sum : 0;
}

// ---- a ball that goes to and fro

static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static unsigned turn; // even: ping's, odd: pong's

static bool play(unsigned parity) {
    pthread_mutex_lock(&mutex);
    for (unsigned i = 0; i < ROUNDS; i++) {
        while (turn % 2 != parity)
            pthread_cond_wait(&turned, &mutex);
        turn++;
        pthread_cond_signal(&turned);
    }
    pthread_mutex_unlock(&mutex);
    return true;
}

static void *pong(void *argument) {
    play(1);
    return argument;
}

static unsigned play_together(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, pong, NULL) != 0)
        return 0;
    play(0);
    pthread_join(thread, NULL);
    return turn;
}

// ---- one word that all wait for

static pthread_cond_t started = PTHREAD_COND_INITIALIZER;
static pthread_cond_t waiting = PTHREAD_COND_INITIALIZER;
static unsigned waiters;
static bool go;

// A detached thread gives its stack back itself.
static void *wait_for_go(void *argument) {
    pthread_detach(pthread_self());
    pthread_mutex_lock(&mutex);
    waiters++;
    pthread_cond_signal(&waiting);
    while (!go)
        pthread_cond_wait(&started, &mutex);
    waiters--;
    pthread_cond_signal(&waiting);
    pthread_mutex_unlock(&mutex);
    return argument;
}

static void wait_for(unsigned count) {
    while (waiters != count)
        pthread_cond_wait(&waiting, &mutex);
}

static unsigned start_together(void) {
    pthread_t thread;
    unsigned created = 0;
    while (created < THREADS && pthread_create(&thread, NULL, wait_for_go, NULL) == 0)
        created++;
    pthread_mutex_lock(&mutex);
    wait_for(created);
    go = true;
    pthread_cond_broadcast(&started);
    wait_for(0);
    pthread_mutex_unlock(&mutex);
    return created;
}

int main(void) {
    report_begin("threads");
    const uint64_t began = measure_now();
    const unsigned sum = count_together();
    const uint64_t each = (measure_now() - began) / ((uint64_t)THREADS * INCREMENTS);
    const unsigned turns = play_together();
    const unsigned together = start_together();
    const char *futex_fault = futexes_try();
    return report_end(counter == THREADS * INCREMENTS && sum == 1 + 4 + 9 + 16 &&
                          turns == 2 * ROUNDS && together == THREADS && futex_fault == NULL,
                      "counter %u of %u, ~%lu ns each; results %u of 30; %u turns of %u; %u woken "
                      "together; futexes %s",
                      counter, THREADS * INCREMENTS, (unsigned long)each, sum, turns, 2 * ROUNDS,
                      together, futex_fault != NULL ? futex_fault : "as Linux's");
}
