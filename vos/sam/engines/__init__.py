"""What computes SAM's encoder and decoder: PyTorch, the reference, or OpenVINO, faster on CPUs."""
