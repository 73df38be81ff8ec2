"""Many forks, with and without other threads that compute: `python tests/faults/forks.py [count]`.

Run by `make full` with 1000; the replay of kind 03 has a reduced form.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.faults.kinds.k03_fork_threads import forks


def main() -> int:
    """Forks at 1 and 2 threads of the pool; 1 if a child hung or failed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for threads in (1, 2):
        for others in (0, 2):
            try:
                forks("cpu_c", threads, others, count, timeout=60 + 10 * count)
            except AssertionError as error:
                print(f"{threads} threads, {others} others: {error}")
                return 1
            print(f"{count} forks at {threads} threads, {others} others computing: none hung")
    return 0


if __name__ == "__main__":
    sys.exit(main())
