/* oom_score.c - see oom_score.h. */
#include "server/oom_score.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/number.h"
#include "server/small_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATH      "/proc/self/oom_score_adj"
#define SCORE_MAX 1000

static bool read_score(int64_t *out)
{
    struct buffer text = {0};
    errno = 0;
    bool done = small_file_read(PATH, &text);
    if (!done) {
        LOG_WARNING("Unable to read oom_score_adj: %s", strerror(errno));
    } else {
        struct slice rest = buffer_slice(&text);
        done = number_parse(slice_next_word(&rest), out);
    }
    buffer_deinit(&text);
    return done;
}

static bool write_score(int64_t score)
{
    FILE *file = fopen(PATH, "we");
    bool done = file != NULL && fprintf(file, "%" PRId64 "\n", score) > 0;
    done = file != NULL && fclose(file) == 0 && done;
    if (!done) {
        LOG_WARNING(
            "Unable to write oom_score_adj: %s; to go below what the server was started "
            "with takes a privilege: let the supervisor do that (OOMScoreAdjust of systemd)",
            strerror(errno));
    }
    return done;
}

static int64_t wanted_score(const struct oom_score *score, const struct config *config)
{
    int64_t wanted = 0;
    struct slice values = config_text(config, CONFIG_OOM_SCORE_ADJ_VALUES);
    (void)number_parse(slice_next_word(&values), &wanted);
    if (config_number(config, CONFIG_OOM_SCORE_ADJ) == OOM_SCORE_RELATIVE) {
        wanted += score->base;
    }
    return wanted > SCORE_MAX ? SCORE_MAX : wanted < -SCORE_MAX ? -SCORE_MAX : wanted;
}

enum status oom_score_apply(struct oom_score *score, const struct config *config,
                            struct error *error)
{
    bool is_wanted = config_number(config, CONFIG_OOM_SCORE_ADJ) != OOM_SCORE_NO;
    bool done = true;
    if (is_wanted && !score->is_set) {
        done = read_score(&score->base);
        score->is_set = done;
    }
    if (done && score->is_set) {
        done = write_score(is_wanted ? wanted_score(score, config) : score->base);
    }
    score->is_set = score->is_set && is_wanted;
    return done ? STATUS_OK
                : error_set(error, STATUS_INVALID,
                            "Failed to set current oom_score_adj. Check server logs.");
}
