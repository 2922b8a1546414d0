#include "guest/gkernel/cfs.h"

#include <stddef.h>

#define MICROSECONDS UINT64_C(1000)

// Everybody who can run does so once in a period, unless they are so many that the turns would
// become too short to be worth a switch.
#define PERIOD (6000 * MICROSECONDS)
#define SHORTEST (750 * MICROSECONDS)
#define UNIT UINT64_C(1024) // the weight of nice 0

// 1024 * 1.25^-nice: a step of nice is about a tenth of the CPU between two.
static const uint64_t weights[CFS_NICE_MAX - CFS_NICE_MIN + 1] = {
    88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626, 14901, 11921, 9537, 7629, 6104, 4883,
    3906,  3125,  2500,  2000,  1600,  1280,  1024,  819,   655,   524,   419,  336,  268,  215,
    172,   137,   110,   88,    70,    56,    45,    36,    29,    23,    18,   15,
};

// Virtual times are compared by their difference, so that they may wrap.
static bool before(uint64_t a, uint64_t b) { return (int64_t)(a - b) < 0; }

static uint64_t later(uint64_t a, uint64_t b) { return before(a, b) ? b : a; }

void cfs_entity_init(struct cfs_entity *entity, int nice) {
    *entity = (struct cfs_entity){.weight = weights[nice - CFS_NICE_MIN]};
}

void cfs_place_new(const struct cfs_queue *queue, struct cfs_entity *entity) {
    entity->vruntime = queue->min_vruntime;
}

void cfs_place_woken(const struct cfs_queue *queue, struct cfs_entity *entity) {
    entity->vruntime = later(entity->vruntime, queue->min_vruntime - PERIOD / 2);
}

void cfs_enqueue(struct cfs_queue *queue, struct cfs_entity *entity) {
    // Behind those with the same time: they came first.
    struct cfs_entity **at = &queue->first;
    while (*at != NULL && !before(entity->vruntime, (*at)->vruntime))
        at = &(*at)->next;
    entity->next = *at;
    *at = entity;
    queue->count++;
    queue->weight += entity->weight;
}

struct cfs_entity *cfs_pick(struct cfs_queue *queue, uint64_t now) {
    struct cfs_entity *entity = queue->first;
    if (entity == NULL)
        return NULL;
    queue->first = entity->next;
    queue->count--;
    queue->weight -= entity->weight;
    entity->next = NULL;
    entity->run_since = now;
    entity->slice_used = 0;
    return entity;
}

void cfs_account(struct cfs_queue *queue, struct cfs_entity *running, uint64_t now) {
    const uint64_t ran = now - running->run_since;
    running->run_since = now;
    running->slice_used += ran;
    running->vruntime += ran * UNIT / running->weight;

    uint64_t least = running->vruntime;
    if (queue->first != NULL && before(queue->first->vruntime, least))
        least = queue->first->vruntime;
    queue->min_vruntime = later(queue->min_vruntime, least);
}

// The running entity's part of the period, by weight.
static uint64_t slice(const struct cfs_queue *queue, const struct cfs_entity *running) {
    const uint64_t shared = (queue->count + 1) * SHORTEST;
    const uint64_t period = shared > PERIOD ? shared : PERIOD;
    return period * running->weight / (queue->weight + running->weight);
}

bool cfs_should_preempt(const struct cfs_queue *queue, const struct cfs_entity *running) {
    if (queue->first == NULL)
        return false;
    const uint64_t allowed = slice(queue, running);
    if (running->slice_used > allowed)
        return true;
    if (running->slice_used < SHORTEST)
        return false;
    const int64_t ahead = (int64_t)(running->vruntime - queue->first->vruntime);
    return ahead > (int64_t)allowed;
}
