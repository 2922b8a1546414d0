#include "libs/manifest/reader.h"

#include <libfdt.h>
#include <stdarg.h>
#include <string.h>

#include "libs/text/text.h"

// In every node: how many cells `reg` of its children has. Here it is always two and two.
static const char *const cells[] = {"#address-cells", "#size-cells"};

// The text goes to a terminal, and parts of it come from the blob.
static void make_printable(char *text) {
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7e)
            *text = '?';
    }
}

void reader_fail(struct reader *reader, enum status status, int node, const char *property,
                 const char *format, ...) {
    if (reader_failed(reader))
        return;
    reader->status = status;
    struct manifest_error *error = reader->error;
    if (node < 0)
        error->node[0] = '\0';
    else if (fdt_get_path(reader->fdt, node, error->node, sizeof(error->node)) != 0)
        text_format(error->node, sizeof(error->node), "(node %s)",
                    fdt_get_name(reader->fdt, node, NULL));
    text_format(error->property, sizeof(error->property), "%s", property);
    size_t used =
        text_format(error->text, sizeof(error->text), "%s%s", error->node, node < 0 ? "" : ": ");
    if (property[0] != '\0')
        used += text_format(error->text + used, sizeof(error->text) - used, "property `%s` ",
                            error->property);
    va_list arguments;
    va_start(arguments, format);
    text_format_list(error->text + used, sizeof(error->text) - used, format, arguments);
    va_end(arguments);
    make_printable(error->node);
    make_printable(error->property);
    make_printable(error->text);
}

// What a node may hold, in one line of a message.
#define LIST_SIZE 256

static void join(char text[LIST_SIZE], const char *const *names,
                 const struct manifest_feature *features, const char *none) {
    size_t used = text_format(text, LIST_SIZE, "%s", *names == NULL ? none : "there are: ");
    for (const char *const *name = names; *name != NULL; name++)
        used +=
            text_format(text + used, LIST_SIZE - used, "%s%s", name == names ? "" : ", ", *name);
    for (; features != NULL && features->property != NULL; features++)
        used += text_format(text + used, LIST_SIZE - used, ", %s", features->property);
}

static void check_cells(struct reader *reader, int node, const char *property) {
    reader_number(reader, node, property, 2, 2);
}

static void check_properties(struct reader *reader, int node, const struct reader_form *form) {
    uint64_t seen = 0;
    int offset = 0;
    fdt_for_each_property_offset(offset, reader->fdt, node) {
        const char *name = NULL;
        unsigned place = 0;
        bool known = false;
        if (fdt_getprop_by_offset(reader->fdt, offset, &name, NULL) == NULL)
            break; // fdt_check_full has seen them all
        for (unsigned i = 0; i < sizeof(cells) / sizeof(cells[0]) && !known; i++, place++) {
            known = strcmp(name, cells[i]) == 0;
            if (known)
                check_cells(reader, node, name);
        }
        for (const char *const *p = form->properties; *p != NULL && !known; p++, place++)
            known = strcmp(name, *p) == 0;
        for (const struct manifest_feature *f = form->features;
             f != NULL && f->property != NULL && !known; f++, place++)
            known = strcmp(name, f->property) == 0;
        if (!known) {
            char list[LIST_SIZE];
            join(list, form->properties, form->features, "this node has none");
            reader_fail(reader, STATUS_INVALID, node, name,
                        "is unknown here; remove it or correct its name (%s)", list);
            return;
        }
        if ((seen >> place & 1) != 0)
            reader_fail(reader, STATUS_INVALID, node, name, "is there twice; remove one");
        seen |= 1ull << place;
    }
}

// A form's child "memory@" stands for any number of nodes with a unit address.
static bool is_child(const char *name, const char *form) {
    size_t length = strlen(form);
    return form[length - 1] == '@' ? strncmp(name, form, length) == 0 : strcmp(name, form) == 0;
}

static void check_children(struct reader *reader, int node, const struct reader_form *form) {
    int child = 0;
    fdt_for_each_subnode(child, reader->fdt, node) {
        const char *name = fdt_get_name(reader->fdt, child, NULL);
        const char *const *c = form->children;
        while (*c != NULL && !is_child(name, *c))
            c++;
        if (*c == NULL) {
            char list[LIST_SIZE];
            join(list, form->children, NULL, "no node belongs there");
            reader_fail(reader, STATUS_INVALID, child, "",
                        "is a node that is unknown there; remove it or correct its name (%s)",
                        list);
        }
    }
}

void reader_check_form(struct reader *reader, int node, const struct reader_form *form) {
    if (node < 0)
        return;
    if (form->properties != NULL)
        check_properties(reader, node, form);
    if (form->children != NULL)
        check_children(reader, node, form);
}

int reader_child(struct reader *reader, int node, const char *name, enum reader_presence presence) {
    int found = -FDT_ERR_NOTFOUND, child = 0;
    if (node < 0)
        return found;
    fdt_for_each_subnode(child, reader->fdt, node) {
        if (!is_child(fdt_get_name(reader->fdt, child, NULL), name))
            continue;
        if (found >= 0)
            reader_fail(reader, STATUS_INVALID, child, "", "is there twice; remove one");
        else
            found = child;
    }
    if (found < 0 && presence == READER_REQUIRED)
        reader_fail(reader, STATUS_INVALID, node, "", "has no node `%s`; add it", name);
    return found;
}

bool reader_has(struct reader *reader, int node, const char *property) {
    return node >= 0 && fdt_getprop(reader->fdt, node, property, NULL) != NULL;
}

// Names go into messages, so what a node's name can have is all they can (Devicetree Specification
// 0.4, section 2.2.1); dtc accepts no other, but the blob may not be dtc's.
void reader_name(struct reader *reader, int node, char name[MANIFEST_NAME]) {
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789,._+-";
    const char *full = fdt_get_name(reader->fdt, node, NULL);
    size_t length = strcspn(full, "@");
    if (length == 0 || length >= MANIFEST_NAME)
        reader_fail(reader, STATUS_INVALID, node, "",
                    "has a name of %u bytes; choose one of 1 to %u", (unsigned)length,
                    MANIFEST_NAME - 1);
    else if (strspn(full, characters) < length)
        reader_fail(reader, STATUS_INVALID, node, "",
                    "has a name with other characters than letters, digits and ,._+-; rename it");
    else
        memcpy(name, full, length);
}

uint64_t reader_number(struct reader *reader, int node, const char *property, uint64_t min,
                       uint64_t max) {
    int length = 0;
    const fdt32_t *cell = node < 0 ? NULL : fdt_getprop(reader->fdt, node, property, &length);
    if (cell == NULL) {
        reader_fail(reader, STATUS_INVALID, node, property, "is missing; add it");
        return 0;
    }
    if (length != 4 && length != 8) {
        reader_fail(reader, STATUS_INVALID, node, property,
                    "has %u bytes; write one number, of one or two cells: <...>", (unsigned)length);
        return 0;
    }
    uint64_t value = fdt32_ld(cell);
    if (length == 8)
        value = value << 32 | fdt32_ld(cell + 1);
    if (value < min || value > max) {
        reader_fail(reader, STATUS_INVALID, node, property, "is %llu; choose one from %llu to %llu",
                    (unsigned long long)value, (unsigned long long)min, (unsigned long long)max);
        return 0;
    }
    return value;
}

uint64_t reader_number_or(struct reader *reader, int node, const char *property, uint64_t min,
                          uint64_t max, uint64_t absent) {
    return reader_has(reader, node, property) ? reader_number(reader, node, property, min, max)
                                              : absent;
}

uint64_t reader_pages(struct reader *reader, int node, const char *property, uint64_t max,
                      enum reader_presence presence) {
    if (presence == READER_OPTIONAL && !reader_has(reader, node, property))
        return 0;
    uint64_t size = reader_number(reader, node, property, READER_PAGE, max);
    if (size % READER_PAGE != 0)
        reader_fail(reader, STATUS_INVALID, node, property,
                    "is 0x%llx; choose a multiple of 0x%x, whole pages", (unsigned long long)size,
                    READER_PAGE);
    return size;
}

bool reader_flag(struct reader *reader, int node, const char *property) {
    int length = 0;
    const void *value = fdt_getprop(reader->fdt, node, property, &length);
    if (value != NULL && length != 0)
        reader_fail(reader, STATUS_INVALID, node, property,
                    "has a value; write `%s;` for yes, and leave it out for no", property);
    return value != NULL;
}
