"""From an op and its inputs to a kernel that runs."""
