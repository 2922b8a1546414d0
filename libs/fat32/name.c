#include "libs/fat32/name.h"

#include <string.h>

// Folds the cases of those scripts where it is regular and a language does not matter: Latin, Greek
// and Cyrillic. Other letters are found as they are spelt.
static uint16_t upper(uint16_t unit) {
    if (unit < 0x80)
        return unit >= 'a' && unit <= 'z' ? unit - 0x20 : unit;
    if (unit >= 0xe0 && unit <= 0xfe && unit != 0xf7)
        return unit - 0x20;
    if (unit == 0xff)
        return 0x178;
    // Latin Extended-A: pairs, the capital even or odd by the part of the block; three have no pair
    // here.
    if ((unit >= 0x100 && unit <= 0x137 && unit != 0x131) || (unit >= 0x14a && unit <= 0x177))
        return unit & ~1u;
    if ((unit >= 0x139 && unit <= 0x148) || (unit >= 0x179 && unit <= 0x17e))
        return (unit & 1u) == 0 ? unit - 1 : unit;
    if (unit >= 0x3b1 && unit <= 0x3cb && unit != 0x3c2)
        return unit - 0x20;
    if (unit >= 0x430 && unit <= 0x44f)
        return unit - 0x20;
    if (unit >= 0x450 && unit <= 0x45f)
        return unit - 0x50;
    return unit;
}

// Decodes one character of LENGTH bytes of UTF-8 at TEXT, as strictly as Unicode (table 3-7)
// demands. Returns the bytes it took, 0 for an ill-formed one.
static size_t decode(const uint8_t *text, size_t length, uint32_t *character) {
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text[0];
    if (first < 0x80) {
        *character = first;
        return 1;
    }
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || size > length)
        return 0;
    uint32_t value = first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (text[i] & 0x3fu);
    }
    if (value < smallest[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *character = value;
    return size;
}

// What the upper half of code page 850 stands for. A volume does not say which code page its short
// names are in: this one is mtools' choice, and its letters are where most others of Western Europe
// have them.
static const uint16_t code_page[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00f8, 0x00a3, 0x00d8, 0x00d7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x00ae, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x00c1, 0x00c2, 0x00c0, 0x00a9, 0x2563, 0x2551, 0x2557,
    0x255d, 0x00a2, 0x00a5, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x00e3, 0x00c3,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x00a4, 0x00f0, 0x00d0, 0x00ca, 0x00cb,
    0x00c8, 0x0131, 0x00cd, 0x00ce, 0x00cf, 0x2518, 0x250c, 0x2588, 0x2584, 0x00a6, 0x00cc, 0x2580,
    0x00d3, 0x00df, 0x00d4, 0x00d2, 0x00f5, 0x00d5, 0x00b5, 0x00fe, 0x00de, 0x00da, 0x00db, 0x00d9,
    0x00fd, 0x00dd, 0x00af, 0x00b4, 0x00ad, 0x00b1, 0x2017, 0x00be, 0x00b6, 0x00a7, 0x00f7, 0x00b8,
    0x00b0, 0x00a8, 0x00b7, 0x00b9, 0x00b3, 0x00b2, 0x25a0, 0x00a0,
};

// The byte an 8.3 name stores for a character (chapter 6.1), 0 if it cannot.
static uint8_t short_byte(uint16_t unit) {
    if ((unit >= 'A' && unit <= 'Z') || (unit >= '0' && unit <= '9'))
        return (uint8_t)unit;
    if (unit < 0x80)
        return unit > 0x20 && strchr("$%'-_@~`!(){}^#&", unit) != NULL ? (uint8_t)unit : 0;
    for (unsigned i = 0; i < 128; i++) {
        if (code_page[i] == unit)
            return (uint8_t)(0x80 + i);
    }
    return 0;
}

// Forms the 8.3 name, if the name can be one.
static bool set_short(struct fat32_name *name) {
    memset(name->short_name, ' ', FAT32_NAME_SHORT);
    unsigned at = 0, end = 8;
    for (unsigned i = 0; i < name->length; i++) {
        if (name->units[i] == '.' && end == 8 && i > 0) {
            at = 8;
            end = FAT32_NAME_SHORT;
            continue;
        }
        uint8_t byte = short_byte(name->units[i]);
        if (byte == 0 || at == end)
            return false;
        name->short_name[at++] = byte;
    }
    if (name->short_name[0] == 0xe5) // it marks deleted entries, so another stands for it
        name->short_name[0] = 0x05;
    return end == 8 || at > 8; // a dot is followed by something
}

bool fat32_name_set(struct fat32_name *name, const char *text, size_t length) {
    name->length = 0;
    for (size_t at = 0; at < length;) {
        uint32_t character = 0;
        size_t size = decode((const uint8_t *)text + at, length - at, &character);
        unsigned units = character > 0xffff ? 2 : 1;
        if (size == 0 || name->length + units > FAT32_NAME_MAX)
            return false;
        if (units == 2) {
            name->units[name->length++] = (uint16_t)(0xd800 + ((character - 0x10000) >> 10));
            name->units[name->length++] = (uint16_t)(0xdc00 + ((character - 0x10000) & 0x3ff));
        } else {
            name->units[name->length++] = upper((uint16_t)character);
        }
        at += size;
    }
    name->has_short = set_short(name);
    return true;
}

bool fat32_name_is_part(const struct fat32_name *name, unsigned part, const uint8_t *entry) {
    // Where the units stand in an entry, around what older systems look at.
    static const uint8_t offsets[FAT32_NAME_PER_PART] = {1,  3,  5,  7,  9,  14, 16,
                                                         18, 20, 22, 24, 28, 30};
    unsigned at = (part - 1) * FAT32_NAME_PER_PART;
    for (unsigned i = 0; i < FAT32_NAME_PER_PART; i++, at++) {
        uint16_t unit = (uint16_t)(entry[offsets[i]] | entry[offsets[i] + 1] << 8);
        if (at >= name->length)
            return at > name->length || unit == 0; // a NUL ends it, unless the entry is full
        if (upper(unit) != name->units[at])
            return false;
    }
    return true;
}

bool fat32_name_is_short(const struct fat32_name *name, const uint8_t *entry) {
    return name->has_short && memcmp(entry, name->short_name, FAT32_NAME_SHORT) == 0;
}

uint8_t fat32_name_checksum(const uint8_t *entry) {
    unsigned sum = 0;
    for (unsigned i = 0; i < FAT32_NAME_SHORT; i++)
        sum = ((sum >> 1 | sum << 7) + entry[i]) & 0xff;
    return (uint8_t)sum;
}
