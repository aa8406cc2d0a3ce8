"""What people look at after a run: which frames may be wrong and why, and pages that show it.

May import the ground and io; knows no model and loads no torch.
"""
