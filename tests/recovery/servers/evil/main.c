// Takes the place of a server, serves its records wrongly, and uses each of them to make system
// calls, to write what it may write, and now and then to do what kills it. The third that gets a
// record answers it: a record that kills three servers would be its VM's end.
#include <string.h>

#include "tests/recovery/servers/evil/evil.h"

#define CALLS 200u     // a record of a guest's exit
#define MANY 50000u    // one of another kind, which are rare,
#define ENOUGH 100000u // until there were so many in all
#define DEATHS 12      // one death in so many records
#define REFUSALS 6     // of answers to one record, before one that can't be refused

struct evil_tally *evil_tally;

static enum exit_class served; // the class of the record it holds
static unsigned refusals;

// A mapping that looks right: pages, a size that there is, a slot that may hold a frame.
static void forge_mapping(struct reply *reply) {
    static const unsigned bits[] = {12, 12, 21, 30};
    reply->flags = REPLY_FLAGS | REPLY_MAP;
    reply->word[2] = evil_below(0x100000) << 12;
    reply->word[3] = REPLY_MAPPING(evil_below(8), bits[evil_below(4)], evil_below(8));
    reply->word[5] = evil_number() & ~0xfffull;
}

// Everything that an answer can be, but for STOP: a vCPU that is stopped has no more exits.
static void answer_anyhow(struct reply *reply) {
    for (unsigned i = 0; i < MESSAGE_WORDS; i++) {
        reply->word[i] = evil_number();
    }
    switch (evil_below(5)) {
    case 0:
        reply->flags = evil_random();
        break;
    case 4:
        forge_mapping(reply);
        break;
    case 1:
        reply->flags = evil_number();
        break;
    case 2:
        reply->flags = REPLY_FLAGS | (evil_random() & 0x1fff);
        break;
    default:
        reply->flags = REPLY_FLAGS | 1u << evil_below(13) | 1u << evil_below(13);
        break;
    }
    reply->flags |= REPLY_REGISTER(evil_below(40)) | REPLY_INTERRUPT(evil_below(4)) |
                    REPLY_SECOND(evil_below(40));
    if (reply->flags & REPLY_FLAGS) {
        reply->flags &= ~(uint64_t)(REPLY_STOP | REPLY_PARK);
    }
    evil_tally->answers++;
}

// One that the core has to take, whatever the record.
static void answer_safely(struct reply *reply) {
    memset(reply, 0, sizeof(*reply));
    if (served < EXIT_GUEST_CLASSES) {
        reply->flags = REPLY_FLAGS | (served == EXIT_TIMER ? 0 : REPLY_ADVANCE);
        reply->word[6] = 4;
    }
}

// Who says that it receives nowhere dies of the next record. Only that of an exit can be refused,
// and then comes at once; behind others it may be that none ever comes.
static enum evil_death choose_death(void) {
    enum evil_death how = (enum evil_death)evil_below(EVIL_DEATHS);
    return how == EVIL_RECEIVE && served >= EXIT_GUEST_CLASSES ? EVIL_EXIT : how;
}

static void serve(void *state, const struct message *record, struct reply *reply) {
    (void)state;
    bool again = MESSAGE_CLASS(record->info) == EXIT_REFUSED;
    served = again ? served : MESSAGE_CLASS(record->info);
    evil_tally->records += !again;
    evil_tally->refused += again;
    refusals = again ? refusals + 1 : 0;
    evil_tally->exits += served < EXIT_GUEST_CLASSES;
    evil_calls(served < EXIT_GUEST_CLASSES || evil_tally->calls >= ENOUGH ? CALLS : MANY);
    evil_scribble();
    unsigned deaths = evil_tally->exits ? DEATHS : 1;
    if (!again && MESSAGE_ATTEMPT(record->info) < 2 && evil_below(deaths) == 0) {
        evil_die(choose_death());
    }
    if (refusals < REFUSALS) {
        answer_anyhow(reply);
    } else {
        answer_safely(reply);
    }
}

int main(void) {
    const struct config_entry *state = rt_need("state");
    evil_tally = (struct evil_tally *)(uintptr_t)state->address;
    if (evil_tally->magic != EVIL_MAGIC) {
        memset(evil_tally, 0, sizeof(*evil_tally));
        evil_tally->random = 0x9e3779b97f4a7c15ull;
        for (const char *c = rt_config->name; *c; c++) {
            evil_tally->random = evil_tally->random * 31 + (uint64_t)*c;
        }
        evil_tally->magic = EVIL_MAGIC;
    }
    // Whatever state was left before, it says that it can read it.
    rt_succeed(NULL, UINT32_MAX, serve, NULL);
}
