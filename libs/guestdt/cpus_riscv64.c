// The CPUs of a riscv64 guest, as Linux's bindings describe them
// (Documentation/devicetree/bindings/ riscv/cpus.yaml and extensions.yaml, 6.12).
#include <stdbool.h>
#include <string.h>

#include "libs/guestdt/cpus.h"
#include "libs/text/text.h"

#define WIDTH "rv64"

const char *const cpus_root_compatible = "exeunt,vm-riscv64";

// What works in VS- and VU-mode without anything that the hypervisor has to switch on, emulate or
// save: the rest of what the host has stays unsaid. Not among them, for instance: h; v (its
// registers are not switched); zicbom, zicboz and svpbmt (henvcfg switches them); zawrs (may trap).
static const char singles[] = "imafdgc";
static const char *const plain[] = {
    "zicsr", "zifencei", "zihintpause", "zihintntl", "zicond", "zicbop", "zimop",  "zmmul",
    "zaamo", "zalrsc",   "zacas",       "zabha",     "ztso",   "zfh",    "zfhmin", "zfa",
    "zca",   "zcb",      "zcd",         "zcmop",     "zba",    "zbb",    "zbc",    "zbs",
    "zbkb",  "zbkc",     "zbkx",        "zkn",       "zknd",   "zkne",   "zknh",   "zks",
    "zksed", "zksh",     "zkt",         "svinval",   "svnapot"};

// The ISA in the two forms that a guest may look for.
struct isa {
    char string[512]; // riscv,isa: "rv64imac_zicsr"
    size_t string_size;
    char list[1024]; // riscv,isa-extensions: "i", "m", ..., each with its NUL
    size_t list_size;
    bool overflow;
};

struct token {
    const char *text;
    size_t length;
};

static bool token_is(struct token token, const char *text) {
    return strlen(text) == token.length && memcmp(text, token.text, token.length) == 0;
}

// The first extension at *AT, which moves behind it: a letter, or a name that begins with s, x or
// z. Length 0 at the end.
static struct token next(const char **at) {
    *at += strspn(*at, "_");
    struct token token = {*at, 0};
    if (**at != '\0')
        token.length = strchr("sxz", **at) == NULL ? 1 : strcspn(*at, "_");
    *at += token.length;
    return token;
}

static bool is_kept(struct token token, const struct manifest_vm *vm) {
    if (token_is(token, "sstc"))
        return false; // said at the end, if at all
    if (vm->isa[0] != '\0')
        return true; // the manifest's own choice
    if (token.length == 1)
        return memchr(singles, token.text[0], sizeof(singles) - 1) != NULL;
    if (token_is(token, "zicntr"))
        return (vm->features & VCPU_FEATURE_COUNTERS) != 0;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (token_is(token, plain[i]))
            return true;
    }
    return false;
}

static void append(struct isa *isa, char *buffer, size_t *used, size_t size, struct token token) {
    if (token.length > size - *used) {
        isa->overflow = true;
        return;
    }
    memcpy(buffer + *used, token.text, token.length);
    *used += token.length;
}

static void append_list(struct isa *isa, struct token token) {
    append(isa, isa->list, &isa->list_size, sizeof(isa->list), token);
    append(isa, isa->list, &isa->list_size, sizeof(isa->list), (struct token){"", 1});
}

static void add(struct isa *isa, struct token token) {
    size_t size = sizeof(isa->string) - 1;
    if (token.length > 1)
        append(isa, isa->string, &isa->string_size, size, (struct token){"_", 1});
    append(isa, isa->string, &isa->string_size, size, token);
    if (!token_is(token, "g")) {
        append_list(isa, token);
        return;
    }
    // Only the string knows the short form (ISA manual, volume I, chapter 27).
    static const char *const general[] = {"i", "m", "a", "f", "d", "zicsr", "zifencei"};
    for (size_t i = 0; i < sizeof(general) / sizeof(general[0]); i++)
        append_list(isa, (struct token){general[i], strlen(general[i])});
}

static enum status make_isa(struct isa *isa, const struct manifest_vm *vm, const char *host) {
    memset(isa, 0, sizeof(*isa));
    const char *at = vm->isa[0] != '\0' ? vm->isa : host;
    if (at == NULL || strncmp(at, WIDTH, sizeof(WIDTH) - 1) != 0)
        return STATUS_INVALID;
    struct token width = {at, sizeof(WIDTH) - 1};
    at += width.length;
    if (*at != 'i' && *at != 'g')
        return STATUS_INVALID; // RV64E is no base for a kernel
    append(isa, isa->string, &isa->string_size, sizeof(isa->string) - 1, width);
    for (struct token token = next(&at); token.length > 0; token = next(&at)) {
        if (is_kept(token, vm))
            add(isa, token);
    }
    if ((vm->features & VCPU_FEATURE_TIMER) != 0)
        add(isa, (struct token){"sstc", 4});
    isa->string[isa->string_size] = '\0';
    return isa->overflow ? STATUS_INVALID : STATUS_OK;
}

static void write_cpu(struct writer *writer, uint32_t number, const struct isa *isa,
                      const char *mmu) {
    char name[16];
    text_format(name, sizeof(name), "cpu@%x", number);
    writer_begin(writer, name);
    writer_text(writer, "device_type", "cpu");
    writer_u32(writer, "reg", number);
    writer_text(writer, "status", "okay");
    writer_text(writer, "compatible", "riscv");
    writer_text(writer, "riscv,isa", isa->string);
    writer_text(writer, "riscv,isa-base", WIDTH "i");
    writer_bytes(writer, "riscv,isa-extensions", isa->list, isa->list_size);
    if (mmu != NULL)
        writer_text(writer, "mmu-type", mmu);
    writer_begin(writer, "interrupt-controller");
    writer_u32(writer, "#interrupt-cells", 1);
    writer_flag(writer, "interrupt-controller");
    writer_text(writer, "compatible", "riscv,cpu-intc");
    writer_end(writer);
    writer_end(writer);
}

enum status cpus_write(struct writer *writer, const struct manifest_vm *vm,
                       const struct guestdt_params *params) {
    struct isa isa;
    enum status status = make_isa(&isa, vm, params->isa);
    if (status != STATUS_OK)
        return status;
    if (params->timebase == 0 || params->timebase > UINT32_MAX)
        return STATUS_INVALID;
    writer_begin(writer, "cpus");
    writer_cells(writer, 1, 0);
    writer_u32(writer, "timebase-frequency", (uint32_t)params->timebase);
    for (uint32_t i = 0; i < vm->vcpus; i++)
        write_cpu(writer, i, &isa, params->mmu);
    writer_end(writer);
    return STATUS_OK;
}
