/*
 * config_choices.h - the words that directives take, where they take one of several.
 *
 * Private to config_directives.c.
 */
#ifndef SCDB_SERVER_CONFIG_CHOICES_H
#define SCDB_SERVER_CONFIG_CHOICES_H

#include "base/log.h"
#include "engine/engine.h"
#include "keyspace/eviction.h"
#include "server/config.h"
#include "server/config_special.h"

#include <stddef.h>

static const struct directive_choice choices_appendfsync[] = {
    {"everysec", SYNC_EVERYSEC}, {"always", SYNC_ALWAYS}, {"no", SYNC_NO}, {NULL, 0}};
static const struct directive_choice choices_loglevel[] = {{"debug", LOG_DEBUG_LEVEL},
                                                           {"verbose", LOG_VERBOSE_LEVEL},
                                                           {"notice", LOG_NOTICE_LEVEL},
                                                           {"warning", LOG_WARNING_LEVEL},
                                                           {NULL, 0}};
static const struct directive_choice choices_supervised[] = {{"upstart", SUPERVISED_UPSTART},
                                                             {"systemd", SUPERVISED_SYSTEMD},
                                                             {"auto", SUPERVISED_AUTO},
                                                             {"no", SUPERVISED_NO},
                                                             {NULL, 0}};
static const struct directive_choice choices_channels[] = {
    {"allchannels", 1}, {"resetchannels", 0}, {NULL, 0}};
static const struct directive_choice choices_protected_action[] = {
    {"no", 0}, {"yes", 1}, {"local", 2}, {NULL, 0}};
static const struct directive_choice choices_maxmemory_policy[] = {
    {"volatile-lru", EVICT_VOLATILE_LRU},
    {"volatile-lfu", EVICT_VOLATILE_LFU},
    {"volatile-random", EVICT_VOLATILE_RANDOM},
    {"volatile-ttl", EVICT_VOLATILE_TTL},
    {"allkeys-lru", EVICT_ALLKEYS_LRU},
    {"allkeys-lfu", EVICT_ALLKEYS_LFU},
    {"allkeys-random", EVICT_ALLKEYS_RANDOM},
    {"noeviction", EVICT_NOTHING},
    {NULL, 0}};
static const struct directive_choice choices_oom[] = {{"no", OOM_SCORE_NO},
                                                      {"yes", OOM_SCORE_RELATIVE},
                                                      {"relative", OOM_SCORE_RELATIVE},
                                                      {"absolute", OOM_SCORE_ABSOLUTE},
                                                      {NULL, 0}};

#endif
