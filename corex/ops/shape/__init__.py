"""Ops of shapes: views, joining, rearranging."""
