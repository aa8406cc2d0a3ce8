"""Photos in which objects are looked for: listing, the pipeline, outputs, report; ``python -m vos.album``.

May import photos and everything below; its entry point also cli.
"""
