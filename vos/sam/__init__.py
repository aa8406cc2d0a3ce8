"""Promptable models behind one interface: SAM, MobileSAM and the embedded one.

May import the ground only.
"""
