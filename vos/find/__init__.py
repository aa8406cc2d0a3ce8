"""An archive of photos and videos that is searched for concepts, by way of an index; ``python -m vos.find``.

May import photos and everything below; its entry point also cli.
"""
