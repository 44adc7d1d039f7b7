/* index_block.c - see index_block.h. */
#include "engine/index_block.h"

#include "base/check.h"
#include "engine/index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_SIZE_BYTES ((size_t)4096)
#define MAPPED_SIZE_MIN ((size_t)16 * 1024)

/* glibc: eight bytes before each chunk, chunks in steps of 16, at least 32. */
#define HEAP_OVERHEAD  ((size_t)8)
#define HEAP_STEP      ((size_t)16)
#define HEAP_CHUNK_MIN ((size_t)32)

static size_t round_up(size_t size, size_t step)
{
    return (size + step - 1) / step * step;
}

size_t index_heap_cost(size_t size)
{
    size_t chunk = round_up(size + HEAP_OVERHEAD, HEAP_STEP);
    return chunk < HEAP_CHUNK_MIN ? HEAP_CHUNK_MIN : chunk;
}

/* --- the account ----------------------------------------------------------------------------- */

enum status index_account_take(struct index_account *account, size_t bytes)
{
    uint64_t used = __atomic_add_fetch(&account->budget->used_bytes, bytes, __ATOMIC_RELAXED);
    uint64_t limit = __atomic_load_n(&account->budget->limit_bytes, __ATOMIC_RELAXED);
    if (limit != 0 && used > limit) {
        (void)__atomic_sub_fetch(&account->budget->used_bytes, bytes, __ATOMIC_RELAXED);
        return STATUS_INDEX_FULL;
    }
    account->used_bytes += bytes;
    return STATUS_OK;
}

void index_account_force(struct index_account *account, size_t bytes)
{
    (void)__atomic_add_fetch(&account->budget->used_bytes, bytes, __ATOMIC_RELAXED);
    account->used_bytes += bytes;
}

void index_account_give(struct index_account *account, size_t bytes)
{
    CHECK(bytes <= account->used_bytes);
    account->used_bytes -= bytes;
    (void)__atomic_sub_fetch(&account->budget->used_bytes, bytes, __ATOMIC_RELAXED);
}

void index_account_move(struct index_account *account, struct index_budget *budget)
{
    uint64_t bytes = account->used_bytes;
    (void)__atomic_sub_fetch(&account->budget->used_bytes, bytes, __ATOMIC_RELAXED);
    (void)__atomic_add_fetch(&budget->used_bytes, bytes, __ATOMIC_RELAXED);
    account->budget = budget;
}

/* --- the block ------------------------------------------------------------------------------- */

static size_t block_cost(const struct index_block *block)
{
    if (block->size == 0) {
        return 0;
    }
    return block->mapped != 0 ? block->size : index_heap_cost(block->size);
}

static bool wants_mapping(const struct index_block *block, size_t size)
{
    return block->expected != 0 && size >= MAPPED_SIZE_MIN;
}

size_t index_block_usable(const struct index_block *block, size_t size)
{
    if (wants_mapping(block, size)) {
        return round_up(size, PAGE_SIZE_BYTES);
    }
    return index_heap_cost(size) - HEAP_OVERHEAD;
}

void index_block_init(struct index_block *block, size_t expected)
{
    *block = (struct index_block){.expected = expected};
}

static void release(void *data, size_t mapped)
{
    if (mapped == 0) {
        free(data);
        return;
    }
    if (munmap(data, mapped) != 0) {
        /* The kernel refuses to split one more mapping: the addresses are lost, which nobody will
         * miss, the memory is not. */
        CHECK(madvise(data, mapped, MADV_DONTNEED) == 0);
    }
}

void index_block_deinit(struct index_block *block, struct index_account *account)
{
    index_account_give(account, block_cost(block));
    if (block->data != NULL) {
        release(block->data, block->mapped);
    }
    index_block_init(block, block->expected);
}

/* Addresses for `size` bytes and more to come; NULL when there are none. */
static void *map_new(size_t mapped)
{
    void *data = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) {
        return NULL;
    }
    /* A huge page would make memory of the addresses that are not in use. Kernels without huge
     * pages refuse the advice, and need none. */
    (void)madvise(data, mapped, MADV_NOHUGEPAGE);
    return data;
}

/* Beyond what a table normally needs, each step doubles the addresses held. */
static size_t mapping_size(const struct index_block *block, size_t size)
{
    size_t mapped = round_up(block->expected, PAGE_SIZE_BYTES);
    while (mapped < size) {
        mapped *= 2;
    }
    return mapped;
}

static bool grow_mapped(struct index_block *block, size_t size)
{
    if (size <= block->mapped) {
        return true;
    }
    size_t mapped = mapping_size(block, size);
    void *data;
    if (block->mapped != 0) {
        data = mremap(block->data, block->mapped, mapped, MREMAP_MAYMOVE);
        if (data == MAP_FAILED) {
            return false;
        }
    } else {
        data = map_new(mapped);
        if (data == NULL) {
            return false;
        }
        if (block->size != 0) {
            memcpy(data, block->data, block->size);
        }
        free(block->data);
    }
    block->data = data;
    block->mapped = mapped;
    return true;
}

static bool grow_on_heap(struct index_block *block, size_t size)
{
    void *data = realloc(block->data, size);
    if (data == NULL) {
        return false;
    }
    block->data = data;
    return true;
}

enum status index_block_grow(struct index_block *block, size_t size, struct index_account *account)
{
    CHECK(size > block->size);
    size = index_block_usable(block, size);
    bool mapping = wants_mapping(block, size) || block->mapped != 0;
    size = mapping ? round_up(size, PAGE_SIZE_BYTES) : size;
    size_t cost_before = block_cost(block);
    size_t cost = (mapping ? size : index_heap_cost(size)) - cost_before;
    enum status status = index_account_take(account, cost);
    if (status != STATUS_OK) {
        return status;
    }
    bool grown = mapping ? grow_mapped(block, size) : grow_on_heap(block, size);
    if (!grown) {
        index_account_give(account, cost);
        return STATUS_NO_MEMORY;
    }
    block->size = size;
    return STATUS_OK;
}

static void shrink_mapped(struct index_block *block, size_t size)
{
    if (!wants_mapping(block, size)) {
        void *data = malloc(size);
        if (data != NULL) {
            memcpy(data, block->data, size);
            release(block->data, block->mapped);
            block->data = data;
            block->mapped = 0;
            block->size = size;
            return;
        }
    }
    size = round_up(size, PAGE_SIZE_BYTES);
    if (size < block->size) {
        CHECK(madvise((char *)block->data + size, block->size - size, MADV_DONTNEED) == 0);
        block->size = size;
    }
}

void index_block_shrink(struct index_block *block, size_t size, struct index_account *account)
{
    size = index_block_usable(block, size);
    if (size >= block->size) {
        return;
    }
    size_t cost_before = block_cost(block);
    if (block->mapped != 0) {
        shrink_mapped(block, size);
    } else {
        void *data = realloc(block->data, size);
        if (data == NULL) {
            return; /* Then it stays as long as it is. */
        }
        block->data = data;
        block->size = size;
    }
    index_account_give(account, cost_before - block_cost(block));
}
