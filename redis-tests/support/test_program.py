"""What programs of tests begin and end with: a seed that can be had again, and a last line that
tests/run understands, "N passed, N failed".

    if __name__ == "__main__":
        test_program.run_tests()
"""

import random
import sys
import unittest


def choose_seed(given, again):
    """The seed that was given, or a new one; says how to have it again, with the words `again`."""
    seed = random.SystemRandom().randrange(1 << 40) if given is None else given
    print(f"seed {seed} (repeat with: {again} --seed {seed})", flush=True)
    return seed


def add_up(counts):
    """The sums of pairs (passed, failed)."""
    passed = failed = 0
    for good, bad in counts:
        passed += good
        failed += bad
    return passed, failed


def close(passed, failed, skipped=0):
    """Says how it went, and ends the program."""
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


def _ids(outcomes):
    """Parts of a test that end apart (subTest) are one test."""
    return {getattr(test, "test_case", test).id() for test, _ in outcomes}


def run_tests(names=None):
    """Runs the program's own unittest tests, and ends it. `names`: only these, in place of those on
    the command line (where there are none either: all)."""
    argv = sys.argv if names is None else [sys.argv[0], *names]
    result = unittest.main(exit=False, verbosity=1, warnings="ignore", argv=argv).result
    failed = _ids(result.failures + result.errors)
    skipped = _ids(result.skipped) - failed
    # Of a class or module whose setUp fails no test was run at all.
    passed = max(0, result.testsRun - len(failed) - len(skipped))
    close(passed, len(failed), len(skipped))
