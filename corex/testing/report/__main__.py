"""`python -m corex.testing.report`: pages from the JSON reports of conformance runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from corex.testing.expected import lines_for
from corex.testing.report.data import read_json, read_summary, write_summary
from corex.testing.report.files import write
from corex.testing.report.markdown import write_markdown
from corex.testing.report.matrix import op_support
from corex.testing.report.page import write_html


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    pages = {write_html: args.html, write_markdown: args.markdown, write_summary: args.summary}
    single = any(pages.values()) or args.expected_failures
    if single and len(args.reports) != 1:
        parser.error(
            "--html, --markdown, --summary and --expected-failures are made from one report"
        )
    if not args.output and not single:
        parser.error(
            "nothing to do: give --output, --html, --markdown, --summary or --expected-failures"
        )
    try:
        summaries = [read_summary(path) for path in args.reports]
        for make, path in pages.items():
            if path:
                make(summaries[0], path)
        if args.expected_failures:
            lines = lines_for(read_json(args.reports[0]).results)
            write(args.expected_failures, "".join(f"{line}\n" for line in lines))
        if args.output:
            links = [_page(Path(path), args.output) for path in args.reports]
            write(args.output, op_support(summaries, links))
        return 0
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m corex.testing.report",
        description="Makes pages from the JSON reports of the conformance suite.",
    )
    add = parser.add_argument
    add("reports", nargs="*", metavar="REPORT.json", help="what `corex conformance --json` wrote")
    add("--output", type=Path, metavar="F", help="write the support matrix of all reports")
    add("--html", metavar="F", help="write the page of one report")
    add("--markdown", metavar="F", help="write one report in brief")
    add("--summary", metavar="F", help="write one report without the cases that passed, as JSON")
    add("--expected-failures", metavar="F", help="write a file that expects the report's failures")
    return parser


def _page(report: Path, output: Path) -> str:
    """The address of a report's HTML page from where the matrix stands, or ""."""
    page = report.with_suffix(".html")
    return Path(os.path.relpath(page, output.parent)).as_posix() if page.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
