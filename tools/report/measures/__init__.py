"""What tools/report/nano_report.py measures of the embedded model, one module per table.

Imports vos, and of tools/train the reading of the training photos.
"""
