"""Ways to find an object in a photo, by name in the registry.

May import what photos may.
"""
