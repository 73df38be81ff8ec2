"""The conformance suite: cases generated from the op tables, and what runs and reports them.

`corex conformance NAME` and `pytest --pyargs corex.testing.conformance --corex-backend NAME` are
the ways in; `docs/conformance.md` is the manual.
"""
