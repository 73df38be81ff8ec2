"""The reference backend: every corex primitive in plain Python, written to be read.

When two backends disagree, this one is right. It holds no NumPy and no C; the price is that it
is some thousand times slower than `cpu_c`.
"""
