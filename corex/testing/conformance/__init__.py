"""The suite as pytest items: `pytest --pyargs corex.testing.conformance --corex-backend NAME`.

A backend's own tests have it as `from corex.testing.conformance.test_conformance import *`.
"""
