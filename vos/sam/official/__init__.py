"""SAM's and MobileSAM's architectures, with PerSAM's guidance in the decoder.

May import sam and the ground.
"""
