"""Training of the embedded model: scenes and photos, the rounds of prompts, the optimizer. Entry: ../train.py.

Imports vos up to vos.adaptation, whose learning from a reference it shares.
"""
