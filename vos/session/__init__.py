"""A clip that somebody works on: ``vos.Session``. What a page or a notebook needs to show, follow and correct.

May import everything below; tracks with the pipeline of ``vos.video``, as the command line does. Knows no option tree.
"""
