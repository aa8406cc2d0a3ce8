"""The parts of benchmarks/speed.py: what is measured, how each contender is run, and the floor below both."""
