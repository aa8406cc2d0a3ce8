"""The parts of benchmarks/faults.py: a scene whose truth is known, a sandbox, a judge, and the kinds of faults.

May import anything of vos, as its users may.
"""
