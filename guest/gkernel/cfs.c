#include "guest/gkernel/cfs.h"

#include <stddef.h>

#define MICROSECONDS UINT64_C(1000)

// Everybody who can run does so once in a period, unless they are so many that the turns would
// become too short to be worth a switch.
#define PERIOD (6000 * MICROSECONDS)
#define SHORTEST (750 * MICROSECONDS)
// Who is woken takes the CPU from who runs only if it is behind by that much, which keeps two that
// wake each other from switching for every word.
#define WAKEUP_GRANULARITY (1000 * MICROSECONDS)
#define UNIT UINT64_C(1024) // the weight of nice 0

// About 1024 * 1.25^-nice: a step of nice is about a tenth of the CPU between two. The numbers are
// those that Linux published (sched_prio_to_weight), so that shares can be compared.
static const uint64_t weights[CFS_NICE_MAX - CFS_NICE_MIN + 1] = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15,
};

// Virtual times are compared by their difference, so that they may wrap.
static bool before(uint64_t a, uint64_t b) { return (int64_t)(a - b) < 0; }

static uint64_t later(uint64_t a, uint64_t b) { return before(a, b) ? b : a; }

void cfs_entity_init(struct cfs_entity *entity, int nice) {
    *entity = (struct cfs_entity){.weight = weights[nice - CFS_NICE_MIN]};
}

void cfs_set_nice(struct cfs_entity *entity, int nice) {
    entity->weight = weights[nice - CFS_NICE_MIN];
}

static uint64_t virtual_time(const struct cfs_entity *entity, uint64_t time) {
    return time * UNIT / entity->weight;
}

// An entity's part of the period, by weight, when `weight` and `count` are those of all others.
static uint64_t slice(uint64_t count, uint64_t weight, const struct cfs_entity *entity) {
    const uint64_t shared = (count + 1) * SHORTEST;
    const uint64_t period = shared > PERIOD ? shared : PERIOD;
    return period * entity->weight / (weight + entity->weight);
}

void cfs_place_new(const struct cfs_queue *queue, const struct cfs_entity *parent,
                   struct cfs_entity *entity) {
    const uint64_t debit = slice(queue->count + 1, queue->weight + parent->weight, entity);
    const uint64_t turn = queue->min_vruntime + virtual_time(entity, debit);
    entity->vruntime = later(parent->vruntime, turn);
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

void cfs_dequeue(struct cfs_queue *queue, struct cfs_entity *entity) {
    struct cfs_entity **at = &queue->first;
    while (*at != entity)
        at = &(*at)->next;
    *at = entity->next;
    entity->next = NULL;
    queue->count--;
    queue->weight -= entity->weight;
}

struct cfs_entity *cfs_pick(struct cfs_queue *queue, uint64_t now) {
    struct cfs_entity *entity = queue->first;
    if (entity == NULL)
        return NULL;
    cfs_dequeue(queue, entity);
    entity->run_since = now;
    entity->slice_used = 0;
    return entity;
}

void cfs_account(struct cfs_queue *queue, struct cfs_entity *running, uint64_t now) {
    const uint64_t ran = now - running->run_since;
    running->run_since = now;
    running->slice_used += ran;
    running->ran += ran;
    running->vruntime += virtual_time(running, ran);

    uint64_t least = running->vruntime;
    if (queue->first != NULL && before(queue->first->vruntime, least))
        least = queue->first->vruntime;
    queue->min_vruntime = later(queue->min_vruntime, least);
}

bool cfs_should_yield_to(const struct cfs_entity *running, const struct cfs_entity *woken) {
    const int64_t ahead = (int64_t)(running->vruntime - woken->vruntime);
    return ahead > (int64_t)virtual_time(woken, WAKEUP_GRANULARITY);
}

bool cfs_should_preempt(const struct cfs_queue *queue, const struct cfs_entity *running) {
    if (queue->first == NULL)
        return false;
    const uint64_t allowed = slice(queue->count, queue->weight, running);
    if (running->slice_used > allowed)
        return true;
    if (running->slice_used < SHORTEST)
        return false;
    const int64_t ahead = (int64_t)(running->vruntime - queue->first->vruntime);
    return ahead > (int64_t)allowed;
}
