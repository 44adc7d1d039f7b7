/*
 * replay.c - runs a fuzz target over a folder of inputs, without libFuzzer: so that every corpus is
 * a regression test of each build. replay FOLDER; closes with "N passed, N failed".
 *
 * A failing input ends the program, after its name has been printed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_SIZE_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False when the file can't be read. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 0;
    }
    uint8_t *data = malloc(INPUT_SIZE_MAX);
    if (data == NULL) {
        (void)fclose(file);
        return 0;
    }
    size_t size = fread(data, 1, INPUT_SIZE_MAX, file);
    (void)fclose(file);

    /* Exactly as long as the input, so that a sanitizer sees a read behind its end. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact != NULL) {
        for (size_t i = 0; i < size; i++) {
            exact[i] = data[i];
        }
        (void)LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    free(data);
    return exact != NULL;
}

int main(int argc, char **argv)
{
    unsigned passed = 0;
    unsigned failed = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        (void)fprintf(stderr, "usage: replay FOLDER\n");
        return EXIT_FAILURE;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[4096];
        if (entry->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        printf("%s\n", path);
        (void)fflush(stdout);
        if (replay_file(path)) {
            passed++;
        } else {
            failed++;
        }
    }
    (void)closedir(folder);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
