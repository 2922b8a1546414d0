// Whatever bytes an image begins with, a plan that is made stays within the guest's memory and the
// file. The input's first byte chooses the architecture, the next 24 the file's size, the memory's
// and where a flat binary goes.

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libs/image/image.h"

static void check(bool condition) {
    if (!condition)
        abort();
}

static void check_plan(const struct image_request *request, const struct image_plan *plan) {
    uint64_t ram_end = request->ram_base + request->ram_size;
    bool entry_found = false;
    check(plan->piece_count >= 1 && plan->piece_count <= IMAGE_PIECES_MOST);
    for (unsigned i = 0; i < plan->piece_count; i++) {
        const struct image_piece *piece = &plan->pieces[i];
        check(piece->file_offset <= request->file_size &&
              piece->file_size <= request->file_size - piece->file_offset);
        check(piece->file_size <= piece->memory_size);
        check(piece->guest_address >= request->ram_base && piece->guest_address <= ram_end &&
              piece->memory_size <= ram_end - piece->guest_address);
        for (unsigned j = 0; j < i; j++)
            check(piece->guest_address >=
                      plan->pieces[j].guest_address + plan->pieces[j].memory_size ||
                  plan->pieces[j].guest_address >= piece->guest_address + piece->memory_size);
        if (plan->entry >= piece->guest_address &&
            plan->entry - piece->guest_address < piece->memory_size)
            entry_found = true;
    }
    check(entry_found);
    check(image_kind_name(plan->kind) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const uint16_t machines[] = {ELF_MACHINE_RISCV, ELF_MACHINE_AARCH64, ELF_MACHINE_X86_64};
    uint64_t numbers[3];
    if (size < 1 + sizeof(numbers))
        return 0;
    memcpy(numbers, bytes + 1, sizeof(numbers));
    struct image_request request = {
        .machine = machines[bytes[0] % 3],
        .file_size = numbers[0],
        .ram_base = 0x80000000,
        .ram_size = numbers[1] % (1ull << 40),
        .other_size = 65536,
        .flat_address = numbers[2],
        .flat_entry = numbers[2] + bytes[0],
    };
    bytes += 1 + sizeof(numbers);
    size -= 1 + sizeof(numbers);
    if (size > request.file_size)
        size = request.file_size;
    uint8_t *head = malloc(size); // the address sanitizer watches its end
    memcpy(head, bytes, size);
    request.head = head;
    request.head_size = size;
    struct image_plan plan;
    char message[IMAGE_MESSAGE_SIZE] = "";
    if (image_plan(&request, &plan, message, sizeof(message)) == STATUS_OK)
        check_plan(&request, &plan);
    else
        check(message[0] != '\0');
    free(head);
    return 0;
}
