"""Reports of conformance runs: JSON, HTML, Markdown, and the support matrix.

    write_json(run, "cpu_c.json")           # everything; `read_json` gives the run back
    write_summary(run, "cpu_c.json")        # counts and what went wrong: small enough to keep
    write_html(run, "cpu_c.html")           # one page that needs nothing else
    write_markdown(run, "cpu_c.md")         # the same in brief

A page can be written from a `Run` as well as from a `Summary`, which `read_summary` makes of
either JSON file. `python -m corex.testing.report --help` does all this from the command line.
"""

from corex.testing.report.data import read_json, read_summary, write_json, write_summary
from corex.testing.report.markdown import write_markdown
from corex.testing.report.matrix import op_support
from corex.testing.report.page import write_html
from corex.testing.report.summary import Summary, summarise

__all__ = [
    "Summary",
    "op_support",
    "read_json",
    "read_summary",
    "summarise",
    "write_html",
    "write_json",
    "write_markdown",
    "write_summary",
]
