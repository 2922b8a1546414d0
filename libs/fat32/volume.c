#include <string.h>

#include "libs/fat32/chain.h"

// Offsets of the BPB's fields in the volume's first sector (chapters 3.1 and 3.3).
enum {
    BPB_BYTES_PER_SECTOR = 11,
    BPB_SECTORS_PER_CLUSTER = 13,
    BPB_RESERVED_SECTORS = 14,
    BPB_FATS = 16,
    BPB_ROOT_ENTRIES = 17,
    BPB_TOTAL_SECTORS_16 = 19,
    BPB_FAT_SIZE_16 = 22,
    BPB_TOTAL_SECTORS_32 = 32,
    BPB_FAT_SIZE_32 = 36,
    BPB_EXTENDED_FLAGS = 40,
    BPB_VERSION = 42,
    BPB_ROOT_CLUSTER = 44,
    BOOT_SIGNATURE = 510,
};

#define FLAG_ONE_FAT 0x80u // only the table numbered by the lower bits is kept up to date
#define FLAG_FAT_NUMBER 0x0fu
#define CLUSTERS_MOST 0x0ffffff5u // numbers 2 to 0x0ffffff6

// The BPB's fields, as they stand on the disk; sectors are the volume's own.
struct bpb {
    uint32_t bytes_per_sector;
    uint32_t sectors_per_cluster;
    uint32_t reserved_sectors;
    uint32_t fats;
    uint32_t root_entries;
    uint32_t total_sectors_16;
    uint32_t fat_size_16;
    uint32_t total_sectors;
    uint32_t fat_size;
    uint32_t extended_flags;
    uint32_t version;
    uint32_t root_cluster;
};

static uint32_t get16(const uint8_t *bytes) { return bytes[0] | (uint32_t)bytes[1] << 8; }

static uint32_t get32(const uint8_t *bytes) { return get16(bytes) | get16(bytes + 2) << 16; }

static struct bpb decode(const uint8_t *sector) {
    return (struct bpb){
        .bytes_per_sector = get16(sector + BPB_BYTES_PER_SECTOR),
        .sectors_per_cluster = sector[BPB_SECTORS_PER_CLUSTER],
        .reserved_sectors = get16(sector + BPB_RESERVED_SECTORS),
        .fats = sector[BPB_FATS],
        .root_entries = get16(sector + BPB_ROOT_ENTRIES),
        .total_sectors_16 = get16(sector + BPB_TOTAL_SECTORS_16),
        .fat_size_16 = get16(sector + BPB_FAT_SIZE_16),
        .total_sectors = get32(sector + BPB_TOTAL_SECTORS_32),
        .fat_size = get32(sector + BPB_FAT_SIZE_32),
        .extended_flags = get16(sector + BPB_EXTENDED_FLAGS),
        .version = get16(sector + BPB_VERSION),
        .root_cluster = get32(sector + BPB_ROOT_CLUSTER),
    };
}

static bool is_power_of_two(uint32_t value) { return value != 0 && (value & (value - 1)) == 0; }

// Checks each field for itself, so that the geometry can be computed from them.
static enum status check_fields(struct fat32 *volume, const struct bpb *bpb) {
    if (bpb->bytes_per_sector < 512 || bpb->bytes_per_sector > FAT32_WINDOW_SIZE ||
        !is_power_of_two(bpb->bytes_per_sector))
        return fat32_fail(volume, STATUS_CORRUPT,
                          "no FAT32 volume: a sector of %u bytes, not 512, 1024, 2048 or 4096",
                          bpb->bytes_per_sector);
    if (!is_power_of_two(bpb->sectors_per_cluster)) // a byte, so at most 128
        return fat32_fail(volume, STATUS_CORRUPT,
                          "no FAT32 volume: a cluster of %u sectors, not a power of two",
                          bpb->sectors_per_cluster);
    if (bpb->reserved_sectors == 0)
        return fat32_fail(volume, STATUS_CORRUPT,
                          "no FAT32 volume: no reserved sectors, though its first is one");
    if (bpb->fats == 0)
        return fat32_fail(volume, STATUS_CORRUPT, "no FAT32 volume: it has no allocation table");
    if (bpb->root_entries != 0 || bpb->fat_size_16 != 0 || bpb->total_sectors_16 != 0)
        return fat32_fail(volume, STATUS_UNSUPPORTED,
                          "the volume is FAT12 or FAT16: make it with mkfs.fat -F 32");
    if (bpb->version != 0)
        return fat32_fail(volume, STATUS_UNSUPPORTED, "FAT32 of version %u.%u, only 0.0 is known",
                          bpb->version >> 8, bpb->version & 0xff);
    if (bpb->fat_size == 0)
        return fat32_fail(volume, STATUS_CORRUPT, "the allocation table has no sectors");
    if (bpb->total_sectors == 0)
        return fat32_fail(volume, STATUS_CORRUPT, "the volume has no sectors");
    return STATUS_OK;
}

static uint8_t log2_of(uint32_t power) { return (uint8_t)__builtin_ctz(power); }

// Checks the fields against each other and the disk, and computes where everything lies. Nothing
// overflows: a table has less than 2^32 sectors, there are less than 2^8 of them.
static enum status check_geometry(struct fat32 *volume, const struct bpb *bpb) {
    uint32_t unit = bpb->bytes_per_sector / BLOCK_SECTOR_SIZE;
    uint64_t have = volume->reader.capacity / unit;
    if (bpb->total_sectors > have)
        return fat32_fail(
            volume, STATUS_CORRUPT,
            "the volume has %u sectors of %u bytes, the disk only %llu: the image was "
            "cut short",
            bpb->total_sectors, bpb->bytes_per_sector, (unsigned long long)have);
    uint64_t data = bpb->reserved_sectors + (uint64_t)bpb->fats * bpb->fat_size;
    if (data >= bpb->total_sectors)
        return fat32_fail(volume, STATUS_CORRUPT,
                          "the volume's data would begin at sector %llu, behind its last of %u",
                          (unsigned long long)data, bpb->total_sectors);
    uint64_t clusters = (bpb->total_sectors - data) / bpb->sectors_per_cluster;
    if (clusters == 0 || clusters > CLUSTERS_MOST)
        return fat32_fail(volume, STATUS_CORRUPT, "the volume has %llu clusters, not 1 to %u",
                          (unsigned long long)clusters, CLUSTERS_MOST);
    uint64_t entries = (uint64_t)bpb->fat_size * bpb->bytes_per_sector / sizeof(uint32_t);
    if (entries < clusters + 2)
        return fat32_fail(volume, STATUS_CORRUPT,
                          "the allocation table has %llu entries, the volume %llu clusters",
                          (unsigned long long)entries, (unsigned long long)clusters);
    uint32_t fat = 0;
    if (bpb->extended_flags & FLAG_ONE_FAT)
        fat = bpb->extended_flags & FLAG_FAT_NUMBER;
    if (fat >= bpb->fats)
        return fat32_fail(volume, STATUS_CORRUPT,
                          "allocation table %u is said to be in use, there are %u", fat, bpb->fats);
    if (bpb->root_cluster < 2 || bpb->root_cluster >= clusters + 2)
        return fat32_fail(volume, STATUS_CORRUPT,
                          "the root directory begins at cluster %u, not one of 2 to %llu",
                          bpb->root_cluster, (unsigned long long)clusters + 1);

    volume->fat_sector = (bpb->reserved_sectors + (uint64_t)fat * bpb->fat_size) * unit;
    // Only the part that describes clusters: it is at most 2^30 bytes, however long the table is.
    uint64_t used = ((clusters + 2) * sizeof(uint32_t) + bpb->bytes_per_sector - 1) /
                    bpb->bytes_per_sector * unit;
    volume->fat_sectors = (uint32_t)used;
    volume->data_at = data * bpb->bytes_per_sector;
    volume->cluster_limit = (uint32_t)clusters + 2;
    volume->root_cluster = bpb->root_cluster;
    volume->sector_shift = log2_of(bpb->bytes_per_sector);
    volume->cluster_shift = log2_of(bpb->bytes_per_sector * bpb->sectors_per_cluster);
    return STATUS_OK;
}

enum status fat32_mount(struct fat32 *volume, const struct block_reader *reader) {
    volume->reader = *reader;
    volume->fat_window_first = volume->fat_window_count = 0;
    volume->data_window_at = volume->data_window_size = 0;
    volume->error[0] = '\0';
    // As much as the largest sector, so that disks with blocks of 4096 bytes can answer.
    uint32_t size = FAT32_WINDOW_SIZE;
    if (reader->capacity < FAT32_WINDOW_SIZE / BLOCK_SECTOR_SIZE)
        size = (uint32_t)reader->capacity * BLOCK_SECTOR_SIZE;
    if (size == 0)
        return fat32_fail(volume, STATUS_CORRUPT, "the disk is empty");
    enum status status =
        fat32_disk_read(volume, 0, size, volume->data_window, "the volume's first sector");
    if (status != STATUS_OK)
        return status;
    const uint8_t *sector = volume->data_window;
    if (sector[BOOT_SIGNATURE] != 0x55 || sector[BOOT_SIGNATURE + 1] != 0xaa)
        return fat32_fail(volume, STATUS_CORRUPT,
                          "no FAT32 volume: the first sector ends in 0x%x, not 0xaa55",
                          get16(sector + BOOT_SIGNATURE));
    if (memcmp(sector + 3, "EXFAT   ", 8) == 0 || memcmp(sector + 3, "NTFS    ", 8) == 0)
        return fat32_fail(volume, STATUS_UNSUPPORTED,
                          "the volume is exFAT or NTFS: make it with mkfs.fat -F 32");
    struct bpb bpb = decode(sector);
    status = check_fields(volume, &bpb);
    if (status != STATUS_OK)
        return status;
    return check_geometry(volume, &bpb);
}
