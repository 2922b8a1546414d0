// The properties that are texts: names, lists of names, choices, rights.
#include <libfdt.h>
#include <string.h>

#include "libs/manifest/reader.h"
#include "libs/text/text.h"

static bool is_printable(const char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

const char *reader_texts(struct reader *reader, int node, const char *property, int *length) {
    const char *value = node < 0 ? NULL : fdt_getprop(reader->fdt, node, property, length);
    if (value == NULL) {
        reader_fail(reader, STATUS_INVALID, node, property, "is missing; add it");
        return NULL;
    }
    bool good = *length > 0 && value[*length - 1] == '\0';
    for (int at = 0; good && at < *length; at += (int)strlen(value + at) + 1)
        good = is_printable(value + at);
    if (!good) {
        reader_fail(reader, STATUS_INVALID, node, property,
                    "is not a printable text; write it in quotes: \"...\"");
        return NULL;
    }
    return value;
}

// The property's value if it is a single text; else NULL, with a failure.
static const char *get_text(struct reader *reader, int node, const char *property) {
    int length = 0;
    const char *value = reader_texts(reader, node, property, &length);
    if (value != NULL && (int)strlen(value) + 1 != length) {
        reader_fail(reader, STATUS_INVALID, node, property, "is a list; write one text");
        return NULL;
    }
    return value;
}

void reader_text(struct reader *reader, int node, const char *property, char *text, size_t size,
                 enum reader_presence presence) {
    text[0] = '\0';
    if (presence == READER_OPTIONAL && !reader_has(reader, node, property))
        return;
    const char *value = get_text(reader, node, property);
    if (value == NULL)
        return;
    if (value[0] == '\0' && presence == READER_REQUIRED)
        reader_fail(reader, STATUS_INVALID, node, property, "is empty; write a text");
    else if (strlen(value) >= size)
        reader_fail(reader, STATUS_INVALID, node, property,
                    "is %u bytes long; at most %u are possible", (unsigned)strlen(value),
                    (unsigned)size - 1);
    else
        memcpy(text, value, strlen(value) + 1);
}

unsigned reader_choice(struct reader *reader, int node, const char *property,
                       const char *const *list) {
    const char *value = get_text(reader, node, property);
    if (value == NULL)
        return 0;
    char known[96] = "";
    size_t used = 0;
    for (unsigned i = 0; list[i] != NULL; i++) {
        if (strcmp(value, list[i]) == 0)
            return i;
        used += text_format(known + used, sizeof(known) - used, "%s\"%s\"", i == 0 ? "" : ", ",
                            list[i]);
    }
    reader_fail(reader, STATUS_INVALID, node, property, "is \"%s\"; write one of %s", value, known);
    return 0;
}

static void fail_no_server(struct reader *reader, int node, const char *property,
                           const char *name) {
    const struct manifest *manifest = reader->manifest;
    char known[256] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < manifest->server_count; i++)
        used += text_format(known + used, sizeof(known) - used, "%s%s", i == 0 ? "" : ", ",
                            manifest->server[i].name);
    reader_fail(reader, STATUS_INVALID, node, property,
                "names the server `%s`, which /servers doesn't have; add it there or name one of "
                "%s",
                name, known);
}

uint8_t reader_server(struct reader *reader, int node, const char *property,
                      enum reader_presence presence) {
    if (presence == READER_OPTIONAL && !reader_has(reader, node, property))
        return MANIFEST_NONE;
    const char *name = get_text(reader, node, property);
    if (name == NULL)
        return MANIFEST_NONE;
    uint8_t server = manifest_find_server(reader->manifest, name);
    if (server == MANIFEST_NONE)
        fail_no_server(reader, node, property, name);
    return server;
}

uint32_t reader_servers(struct reader *reader, int node, const char *property) {
    if (!reader_has(reader, node, property))
        return 0;
    int length = 0;
    const char *value = reader_texts(reader, node, property, &length);
    uint32_t mask = 0;
    for (int at = 0; value != NULL && at < length; at += (int)strlen(value + at) + 1) {
        const char *name = value + at;
        uint32_t server = strcmp(name, "init") == 0 ? MANIFEST_INIT
                                                    : manifest_find_server(reader->manifest, name);
        if (server == MANIFEST_NONE) {
            fail_no_server(reader, node, property, name);
            return 0;
        }
        if ((mask >> server & 1) != 0)
            reader_fail(reader, STATUS_INVALID, node, property, "names `%s` twice; remove one",
                        name);
        mask |= 1u << server;
    }
    return mask;
}

uint32_t reader_rights(struct reader *reader, int node, const char *property,
                       const char *const *list) {
    const char *text = list[reader_choice(reader, node, property, list)];
    uint32_t rights = 0;
    for (; *text != '\0'; text++)
        rights |= *text == 'r' ? RIGHT_R : *text == 'w' ? RIGHT_W : RIGHT_X;
    return rights;
}
