"""Data, no code: the weights of the embedded model, which travel with the package.

Imports nothing; read through importlib.resources.
"""
