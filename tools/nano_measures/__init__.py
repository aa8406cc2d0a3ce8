"""What `tools/nano_report.py` measures of the embedded model, one module per question."""
