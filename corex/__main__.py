"""`python -m corex` is the `corex` command."""

import sys

from corex.cli import main

if __name__ == "__main__":
    sys.exit(main())
