#include "guest/gkernel/pflash.h"

#include "guest/lib/crc32.h"
#include "guest/lib/string.h"

#define ALIGNMENT 4096
#define VERSION 1

static const char magic[4] = {'p', 'f', 'l', 'd'};

struct header {
    char magic[4];
    uint32_t version, count, table_crc;
};
_Static_assert(sizeof(struct header) == 16, "the flash image's format");

struct entry {
    char name[PFLASH_NAME_SIZE];
    uint32_t offset, length, crc, reserved;
};
_Static_assert(sizeof(struct entry) == 48, "the flash image's format");

static const uint8_t *image;
// A copy: what was checked stays as it was.
static struct entry table[PFLASH_FILES_MAX];
static unsigned files;

static const char *check_entry(const struct entry *entry, uint32_t table_end, size_t size) {
    if (entry->name[0] == '\0' || entry->name[PFLASH_NAME_SIZE - 1] != '\0')
        return "a file's name is empty or has no end";
    if (entry->offset % ALIGNMENT != 0 || entry->offset < table_end)
        return "a file is not at a page of its own";
    if (entry->length == 0)
        return "a file is empty";
    if (entry->offset > size || entry->length > size - entry->offset)
        return "a file reaches beyond the end of the flash";
    if (entry->reserved != 0)
        return "a reserved field is not zero";
    return NULL;
}

static const char *check_table(unsigned count, size_t size) {
    const uint32_t table_end = (uint32_t)(sizeof(struct header) + count * sizeof(struct entry));
    for (unsigned i = 0; i < count; i++) {
        const char *wrong = check_entry(&table[i], table_end, size);
        if (wrong != NULL)
            return wrong;
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(table[i].name, table[j].name) == 0)
                return "two files have the same name";
        }
    }
    return NULL;
}

const char *pflash_open(const void *bank, size_t size) {
    struct header header;
    files = 0;
    if (size < sizeof(header))
        return "it is too small";
    memcpy(&header, bank, sizeof(header));
    if (memcmp(header.magic, magic, sizeof(magic)) != 0)
        return "there is no image in it";
    if (header.version != VERSION)
        return "the image is of another version";
    if (header.count == 0 || header.count > PFLASH_FILES_MAX)
        return "the number of files is not between 1 and 64";
    const size_t table_size = header.count * sizeof(struct entry);
    if (table_size > size - sizeof(header))
        return "the table reaches beyond the end of the flash";
    image = bank;
    memcpy(table, image + sizeof(header), table_size);
    if (crc32(table, table_size) != header.table_crc)
        return "the table is damaged (CRC)";
    const char *wrong = check_table(header.count, size);
    if (wrong == NULL)
        files = header.count;
    return wrong;
}

unsigned pflash_count(void) { return files; }

const char *pflash_name(unsigned index) { return table[index].name; }

enum pflash_answer pflash_find(const char *name, struct pflash_file *file) {
    for (unsigned i = 0; i < files; i++) {
        const struct entry *entry = &table[i];
        if (strcmp(name, entry->name) != 0)
            continue;
        const uint8_t *data = image + entry->offset;
        if (crc32(data, entry->length) != entry->crc)
            return PFLASH_DAMAGED;
        *file = (struct pflash_file){entry->name, data, entry->length};
        return PFLASH_FOUND;
    }
    return PFLASH_NOT_FOUND;
}
