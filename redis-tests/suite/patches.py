"""What is changed in the copy of Redis's tests that is run, each change with its reason.

Few and small: they keep a block of tests going that would otherwise end where a command is missing.
What a test asks of the server is never made less.
"""

import os

# (file, what stands there, what stands there instead, why)
PATCHES = []


def apply(folder):
    """Changes the copy in `folder`. A text that isn't there is an error: Redis's tests have changed,
    and the list has to follow."""
    for file, old, new, why in PATCHES:
        path = os.path.join(folder, file)
        with open(path, encoding="utf-8", errors="surrogateescape") as source:
            text = source.read()
        if old not in text:
            raise RuntimeError(f"{file} has changed, the patch no longer fits ({why}): {old!r}")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as target:
            target.write(text.replace(old, new))
