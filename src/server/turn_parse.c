/* turn_parse.c - see turn_parse.h. */
#include "server/turn_parse.h"

#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

/* Requests of one connection in a turn: others wait for the end of it, and what can't be executed
 * is parsed again. */
#define REQUESTS_PER_PART 4096
/* So many more than twice those that the last turn has executed, when it has left some over. */
#define REQUESTS_MORE 2

static bool grow_requests(struct worker *worker)
{
    size_t capacity = worker->request_capacity == 0 ? 256 : worker->request_capacity * 2;
    struct request *requests = realloc(worker->requests, capacity * sizeof(*requests));
    if (requests == NULL) {
        return false;
    }
    worker->requests = requests;
    worker->request_capacity = capacity;
    return true;
}

static inline struct request *add_request(struct worker *worker)
{
    if (worker->request_count == worker->request_capacity && !grow_requests(worker)) {
        return NULL;
    }
    return &worker->requests[worker->request_count++];
}

static struct part *add_part(struct worker *worker)
{
    if (worker->part_count == worker->part_capacity) {
        size_t capacity = worker->part_capacity == 0 ? 64 : worker->part_capacity * 2;
        struct part *parts = realloc(worker->parts, capacity * sizeof(*parts));
        if (parts == NULL) {
            return NULL;
        }
        worker->parts = parts;
        worker->part_capacity = capacity;
    }
    return &worker->parts[worker->part_count++];
}

static bool note_request(struct worker *worker, const struct part *part, size_t first)
{
    struct request *request = add_request(worker);
    if (request == NULL) {
        return false;
    }
    *request = (struct request){
        .command = worker->server->executor->recognize(worker->arguments.items[first]),
        .first_argument = first,
        .argument_count = worker->arguments.count - first,
        .end = part->parsed};
    return true;
}

/* What stands in place of the request that the parser refused, and all behind it. */
static bool note_error(struct worker *worker, struct part *part)
{
    char error[PARSER_ERROR_SIZE];
    parser_error(&part->connection->parser, error);
    part->parsed = part->source.size;
    char *copy = strdup(error);
    struct request *request = copy == NULL ? NULL : add_request(worker);
    if (request == NULL) {
        free(copy);
        return false;
    }
    *request = (struct request){.end = part->parsed, .error = copy};
    return true;
}

static size_t find_limit(const struct connection *connection, bool one_by_one)
{
    size_t limit = connection->requests_max;
    return one_by_one ? 1 : limit > 0 ? limit : REQUESTS_PER_PART;
}

/* False: memory ran out. */
static bool parse_part(struct worker *worker, struct part *part, bool one_by_one)
{
    struct parser *parser = &part->connection->parser;
    struct slice rest = part->source;
    size_t requests_end = part->first_request + find_limit(part->connection, one_by_one);
    worker->limits.unauthenticated = one_by_one;
    while (rest.size > 0) {
        size_t first = worker->arguments.count;
        size_t consumed = 0;
        switch (parser_next(parser, rest, &worker->limits, &worker->arguments, &consumed)) {
        case PARSE_INCOMPLETE:
            return true;
        case PARSE_NO_MEMORY:
            return false;
        case PARSE_ERROR:
            return note_error(worker, part);
        case PARSE_REQUEST:
            break;
        }
        part->parsed += consumed;
        rest = slice_make(rest.data + consumed, rest.size - consumed);
        if (worker->arguments.count > first && !note_request(worker, part, first)) {
            return false;
        }
        if (worker->request_count >= requests_end) {
            part->unparsed = rest.size > 0;
            return true;
        }
    }
    return true;
}

void turn_parse_part(struct worker *worker, struct connection *connection, struct slice source)
{
    struct part *part = add_part(worker);
    if (part == NULL) {
        worker_close_later(worker, connection);
        return;
    }
    *part = (struct part){
        .connection = connection, .source = source, .first_request = worker->request_count};
    connection->in_turn = true;
    bool is_parsed = parse_part(worker, part, connection_is_stranger(connection));
    part->request_count = worker->request_count - part->first_request;
    if (!is_parsed) {
        worker_close_later(worker, connection);
    }
}

void turn_parse_note(const struct part *part)
{
    struct connection *connection = part->connection;
    size_t limit = part->executed * 2 + REQUESTS_MORE;
    bool had_its_turn = part->executed > 0 || part->stopped;
    if (part->executed == part->request_count && !part->unparsed) {
        connection->requests_max = 0;
    } else if (had_its_turn) {
        connection->requests_max =
            (unsigned)(limit < REQUESTS_PER_PART ? limit : REQUESTS_PER_PART);
    }
}

void turn_parse_resumed(struct worker *worker, size_t connections_max)
{
    struct connection_list *list = &worker->lists[LIST_RESUME];
    size_t limit = worker->request_count + WORKER_REQUESTS_MAX;
    size_t part_limit = worker->part_count + connections_max;
    size_t taken = 0;
    while (taken < list->count && worker->request_count < limit &&
           worker->part_count < part_limit) {
        struct connection *connection = list->items[taken++];
        worker_list_left(LIST_RESUME, connection);
        if (connection->in_turn) {
            continue;
        }
        size_t before = worker->part_count;
        if (connection->input.size > 0 && connection_is_ready(connection)) {
            turn_parse_part(worker, connection, connection_input(connection));
        } else {
            worker_list_add(worker, LIST_SETTLE, connection);
        }
        if (worker->part_count > before) {
            worker->parts[before].resumed = true;
        }
    }
    list->count -= taken;
    if (list->count > 0 && taken > 0) {
        memmove(list->items, list->items + taken, list->count * sizeof(struct connection *));
    }
}
