"""Ops that reduce dims."""
