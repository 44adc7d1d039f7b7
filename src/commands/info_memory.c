/*
 * info_memory.c - INFO's section Memory.
 *
 * Clients read used_memory to see how far it is to maxmemory. So it is what maxmemory bounds: the
 * live data, which here lies on disk. What the process has in memory of its own (heap, index,
 * buffers, stacks) is told as the allocator's bytes, and as process_memory in the section Scdb.
 * Mapped segments are page cache: they count as resident, but the kernel takes them back when it
 * needs the room.
 */
#include "commands/info.h"
#include "keyspace/keyspace.h"
#include "server/client_memory.h"

static void add_use(struct info *info)
{
    uint64_t used = info->engine.live_bytes;
    uint64_t own = info->memory.anonymous;
    uint64_t peak = atomic_load(&info->statistics->dataset_peak);
    info_size(info, "used_memory", used);
    info_size(info, "used_memory_rss", info->memory.resident);
    info_size(info, "used_memory_peak", peak);
    info_percent(info, "used_memory_peak_perc", (double)used, (double)peak);
    info_number(info, "used_memory_overhead", 0);
    info_number(info, "used_memory_startup", 0);
    info_number(info, "used_memory_dataset", used);
    info_percent(info, "used_memory_dataset_perc", (double)used, (double)used);
    info_number(info, "allocator_allocated", own);
    info_number(info, "allocator_active", own);
    info_number(info, "allocator_resident", own);
    info_size(info, "total_system_memory", info->memory.machine);
}

static void add_limit(struct info *info)
{
    const struct eviction *eviction = keyspace_eviction(info->keyspace);
    info_size(info, "maxmemory", eviction->limit_bytes);
    info_word(info, "maxmemory_policy", eviction_policy_name(eviction->policy));
}

static void add_scripts(struct info *info)
{
    info_number(info, "used_memory_lua", 0);
    info_number(info, "used_memory_vm_eval", 0);
    info_word(info, "used_memory_lua_human", "0B");
    info_number(info, "used_memory_scripts_eval", 0);
    info_number(info, "number_of_cached_scripts", 0);
    info_number(info, "number_of_functions", 0);
    info_number(info, "number_of_libraries", 0);
    info_number(info, "used_memory_vm_functions", 0);
    info_size(info, "used_memory_vm_total", 0);
    info_number(info, "used_memory_functions", 0);
    info_size(info, "used_memory_scripts", 0);
}

uint64_t info_client_memory(const struct info *info)
{
    uint64_t bytes = 0;
    for (const struct session *session = server_first_session_locked(info->server); session != NULL;
         session = session->next) {
        bytes += client_memory_of(session);
    }
    return bytes;
}

void info_memory(struct info *info)
{
    double own = (double)info->memory.anonymous;
    double resident = (double)info->memory.resident;
    add_use(info);
    add_scripts(info);
    add_limit(info);
    info_double(info, "allocator_frag_ratio", 1, 2);
    info_number(info, "allocator_frag_bytes", 0);
    info_double(info, "allocator_rss_ratio", 1, 2);
    info_number(info, "allocator_rss_bytes", 0);
    info_double(info, "rss_overhead_ratio", own > 0 ? resident / own : 1, 2);
    info_signed(info, "rss_overhead_bytes", (int64_t)(resident - own));
    info_double(info, "mem_fragmentation_ratio", own > 0 ? resident / own : 1, 2);
    info_signed(info, "mem_fragmentation_bytes", (int64_t)(resident - own));
    info_number(info, "mem_not_counted_for_evict", 0);
    info_number(info, "mem_replication_backlog", 0);
    info_number(info, "mem_total_replication_buffers", 0);
    info_number(info, "mem_clients_slaves", 0);
    info_number(info, "mem_clients_normal", info_client_memory(info));
    info_number(info, "mem_cluster_links", 0);
    info_number(info, "mem_aof_buffer",
                info->engine.appended_position - info->engine.written_position);
    info_word(info, "mem_allocator", "libc");
    info_number(info, "active_defrag_running", 0);
    info_number(info, "lazyfree_pending_objects", 0);
    info_number(info, "lazyfreed_objects", 0);
}
