"""Cases that are drawn: short programs that corex and PyTorch run, and what they show compared.

A family (`families.py`) draws the text of one case from a `Source`. `compared.py` runs it in both
libraries, `deliberate.py` says which differences are meant, `running.py` draws many of them and has
hypothesis make short what differs.
"""
