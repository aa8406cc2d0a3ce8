"""The embedded model: network, weights, prompts as maps, fine-tuning, fused kernels.

May import sam and the ground.
"""
