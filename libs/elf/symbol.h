// Which function an address is in, by the symbol table of a static ELF64 file (System V ABI, "gABI"
// 4.1, chapter 4), for reports: nothing depends on the answer.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The name of the symbol that begins nearest before ADDRESS or at it, and how far before in
// *OFFSET. FILE, aligned to 8, is all of the file's SIZE bytes; the name lies in it, ends in it,
// and can be of any length and made of any characters.
//
// Symbols are functions, and labels without a type as assembly has them, of the executable section
// that ADDRESS is in; names that begin with `$` or `.` are tools' own. Of several at one place the
// first function counts, then the first label. A symbol's size does not matter: an address behind
// its end (in padding, or in a function without a symbol) gets it too, with an offset that tells.
//
// NULL: ADDRESS is in no executable section, or nothing before it has a name, or the file has no
// symbol table, or is damaged or of another kind. Nothing in it is trusted; the time that it takes
// is bounded by SIZE.
const char *elf_symbol(const void *file, size_t size, uint64_t address, uint64_t *offset);
