# shellcheck shell=sh
# expect.sh - what tests in shell are written with, read with `.`: expectations, which are counted, a
# directory $scratch that goes at the end, and the closing line.

passed=0
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# note_failure NAME WANTED GOT
note_failure() {
    failed=$((failed + 1))
    printf 'FAIL %s\n  wanted: %s\n  got:    %s\n' "$1" "$2" "$3"
}

# expect NAME WANTED GOT
expect() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        note_failure "$@"
    fi
}

# expect_match NAME PATTERN GOT (a shell pattern)
expect_match() {
    # shellcheck disable=SC2254  # a pattern is what it is meant to be
    case $3 in
    $2) passed=$((passed + 1)) ;;
    *) note_failure "$@" ;;
    esac
}

# Says "N passed, N failed"; its status is the script's.
conclude() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
