"""The command line: options, Hydra, exit codes, output folders, fingerprints. Nothing else in the package sees Hydra.

May import everything but the entry points.
"""
